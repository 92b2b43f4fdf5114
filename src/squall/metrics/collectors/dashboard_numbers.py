"""Every number of an agent dashboard by its dotted path, so that criteria can name it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

INCREASE = "increase"
"""First part of the paths under which a number's growth over the run is found."""
MOST = 2_000
"""Numbers that are kept of one dashboard."""


def numbers(document: Mapping[str, Any]) -> dict[str, float]:
    """Numbers and yes/no (1 and 0) of a document by dotted path.

    Lists are read where their items have a ``name``; others say nothing that can be named.
    """
    found: dict[str, float] = {}
    for path, value in _leaves((), document):
        if len(found) >= MOST:
            break
        found[".".join(path)] = float(value)
    return found


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], float]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves((*path, str(name)), inner)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping) and isinstance(item.get("name"), str):
                yield from _leaves((*path, item["name"]), item)
    elif isinstance(value, int | float):
        yield path, value


@dataclass(slots=True)
class DashboardNumbers:
    """The numbers as read last, and how much each has grown since the first reading.

    A number that falls grows by nothing; after a restart it is counted from 0.
    """

    _last: dict[str, float] = field(default_factory=dict)
    _grown: dict[str, float] = field(default_factory=dict)
    _read: bool = False

    def take(self, document: Mapping[str, Any], restarted: bool) -> None:
        """One reading."""
        now = numbers(document)
        for name, value in now.items():
            first = not self._read
            before = value if first else 0.0 if restarted else self._last.get(name, 0.0)
            self._grown[name] = self._grown.get(name, 0.0) + max(0.0, value - before)
        self._last |= now
        self._read = True

    def figures(self) -> dict[str, float]:
        """By path, and by ``increase.`` and path."""
        return self._last | {f"{INCREASE}.{name}": grown for name, grown in self._grown.items()}
