"""From method and path to an operation: the route tables of REST services."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from cloud_twin.service import Route

_VARIABLE = re.compile(r"\{([A-Za-z0-9_]+)(\+?)\}")


class Matched(NamedTuple):
    """A route and its path variables, decoded."""

    operation: str
    variables: dict[str, str]


class _Compiled(NamedTuple):
    route: Route
    pattern: re.Pattern[str]
    names: tuple[str, ...]
    weight: tuple[int, int]


class RouteTable:
    """The route with most required query parameters wins, then the one with fewest variables."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_method: dict[str, list[_Compiled]] = {}
        for route in routes:
            self._by_method.setdefault(route.method, []).append(_compile(route))
        for compiled in self._by_method.values():
            compiled.sort(key=lambda entry: entry.weight)

    def match(self, method: str, path: str, arguments: Mapping[str, str]) -> Matched | None:
        """``path`` is still encoded, so that an encoded slash stays inside its segment."""
        for entry in self._by_method.get(method, ()):
            found = entry.pattern.fullmatch(path)
            if found is None or not all(_given(need, arguments) for need in entry.route.query):
                continue
            values = (unquote(value) for value in found.groups())
            return Matched(entry.route.operation, dict(zip(entry.names, values, strict=True)))
        return None


def _given(need: str, arguments: Mapping[str, str]) -> bool:
    """``list-type`` must be there; ``list-type=2`` must have that value."""
    name, equals, value = need.partition("=")
    return name in arguments and (not equals or arguments[name] == value)


def _compile(route: Route) -> _Compiled:
    names: list[str] = []
    pattern = ""
    position = 0
    for variable in _VARIABLE.finditer(route.path):
        pattern += re.escape(route.path[position : variable.start()])
        names.append(variable[1])
        pattern += "(.+)" if variable[2] else "([^/]+)"
        position = variable.end()
    rest = route.path[position:]
    pattern += re.escape(rest.rstrip("/"))
    if not route.path.endswith("+}"):
        pattern += "/?"
    return _Compiled(
        route, re.compile(pattern, re.DOTALL), tuple(names), (-len(route.query), len(names))
    )
