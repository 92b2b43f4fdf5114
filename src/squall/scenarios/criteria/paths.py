"""The figures that a criterion may name: every number and yes/no in ``TestResults``.

The list is derived from the result's dataclasses, so a new field can be used in criteria at once.
A path is the dotted way to a field; its unit is known from its name (``…_ms``, ``…_tps``,
``…_bytes``). A few figures are added that sum up a list: ``agents.all_healthy``,
``agents.all_healthy_at_end``, ``stability.passed``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from squall.models import EdgeCase, TestResults
from squall.models.interval import FRAUD_NAMES
from squall.scenarios.criteria import units
from squall.scenarios.criteria.units import Unit

ANY = "*"
"""A path part that stands for any name."""
REST = "**"
"""The last path part where a name may itself hold dots."""

_LEFT_OUT = {"seed", "config", "scaling", "criteria", "histograms", "phases", "seconds"}
_LEFT_OUT |= {"resource_samples", "findings", "environment", "faults", "notes", "target_ended"}
_MOMENTS = {"p50", "p90", "p95", "p99", "p999", "mean", "max", "min"}
"""Last parts of free paths that leave the unit to the part before them."""

_KEYS: dict[str, tuple[str, ...]] = {
    "errors": (ANY,),
    "retried": (ANY,),
    "agents": (ANY,),
    "probes": (ANY,),
    "stability": ("generator_memory", "target_memory", "response_p95", "error_rate"),
    "resources": ("generator", "target", "host"),
    "detection.precision_at_prevalence": (REST,),
    "detection.by_typology": FRAUD_NAMES,
    "detection.edge_cases": tuple(e.name.lower() for e in EdgeCase if e is not EdgeCase.NONE),
}
"""Names under which a mapping or list is read, by its path."""

_DERIVED: dict[str, Unit] = {
    "accounting.balanced": units.FLAG,
    "agents.all_healthy": units.FLAG,
    "agents.all_healthy_at_end": units.FLAG,
    "agents.count": units.COUNT,
    "errors.total": units.COUNT,
    "retried.total": units.COUNT,
    "stability.passed": units.FLAG,
}

IN_PHASE = (
    "accounting.planned",
    "accounting.accepted",
    "error_rate",
    "throughput.offered_tps",
    "throughput.accepted_tps",
    "latency_ms.response.*",
    "latency_ms.decision.*",
)
"""Figures that exist for one phase alone."""

_SHARES = {
    "recall",
    "false_positive_rate",
    "precision",
    "accuracy",
    "average_precision",
    "precision_at_prevalence",
    "error_rate",
    "load",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One legal path and the unit its values are in."""

    path: tuple[str, ...]
    unit: Unit

    def __str__(self) -> str:
        """The path as it is written."""
        return ".".join(self.path)

    @property
    def has_phases(self) -> bool:
        """Whether it exists for one phase alone."""
        return any(_matches(tuple(p.split(".")), self.path) for p in IN_PHASE)


@cache
def patterns() -> Mapping[tuple[str, ...], Unit]:
    """Every legal path, with ``ANY`` and ``REST`` where names are free, and its unit."""
    found = {tuple(path.split(".")): unit for path, unit in _DERIVED.items()}
    hints = get_type_hints(TestResults)
    for field in fields(TestResults):
        if field.name not in _LEFT_OUT:
            found.update(_walk((field.name,), hints[field.name]))
    return found


def _walk(path: tuple[str, ...], annotation: Any) -> Iterator[tuple[tuple[str, ...], Unit]]:
    """The numbers and flags at and under one annotated field."""
    kind = _without_none(annotation)
    if kind in (bool, int, float):
        yield path, unit_of(path, kind)
    elif is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        for field in fields(kind):
            yield from _walk((*path, field.name), hints[field.name])
    else:
        keys = _KEYS.get(".".join(path))
        arguments = [a for a in get_args(kind) if a is not Ellipsis]
        if keys and arguments:
            for key in keys:
                yield from _walk((*path, key), arguments[-1])


def _without_none(annotation: Any) -> Any:
    """``X | None`` as X."""
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
        return kinds[0] if len(kinds) == 1 else annotation
    return annotation


def unit_of(path: tuple[str, ...], kind: type) -> Unit:
    """The unit that a path's names state."""
    last = path[-1]
    named: list[tuple[str, Unit]] = [
        (r"_ms(_|$)", units.MILLISECONDS),
        (r"_us(_|$)", units.MICROSECONDS),
        (r"_s(_max)?$", units.SECONDS),
        (r"_tps(_max)?$", units.TPS),
        (r"_bytes$", units.BYTES),
        (r"_usd$", units.USD),
        (r"cpu(_cores)?$|^cores_", units.CORES),
        (r"_share(_max)?$", units.SHARE),
    ]
    if kind is bool:
        return units.FLAG
    for pattern, unit in named:
        if re.search(pattern, last):
            return unit
    if kind is int:
        return units.COUNT
    if "latency_ms" in path[:-1]:
        return units.MILLISECONDS
    if path[0] == "business":
        return units.USD
    if _SHARES & {last, path[-2] if len(path) > 1 else ""} and path[0] != "stability":
        return units.SHARE
    return units.NONE


def figure(path: str) -> Figure | None:
    """The figure of a written path; None where there is no such figure."""
    parts = tuple(path.split("."))
    for pattern, unit in patterns().items():
        if parts == pattern:
            return Figure(parts, unit)
    for pattern, unit in patterns().items():
        if _matches(pattern, parts):
            if pattern[-1] == REST:
                head = len(pattern) - 1
                parts = (*parts[:head], ".".join(parts[head:]))
            return Figure(parts, unit)
    return _free(parts)


def _free(parts: tuple[str, ...]) -> Figure | None:
    """Figures whose names are the scenario's or the target's own; None for all others."""
    match parts:
        case ("probes", _, _):
            return Figure(parts, _free_unit(parts))
        case ("dashboard", _, *_) if all(parts):
            return Figure(("dashboard", ".".join(parts[1:])), _free_unit(parts))
    return None


def _free_unit(parts: tuple[str, ...]) -> Unit:
    named = parts[:-1] if parts[-1] in _MOMENTS else parts
    return unit_of(named, float)


def _matches(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if pattern[-1] == REST:
        head = len(pattern) - 1
        return len(parts) > head and _matches((*pattern[:head], ANY), (*parts[:head], ANY))
    return len(pattern) == len(parts) and all(
        mine in (ANY, other) for mine, other in zip(pattern, parts, strict=True)
    )


def suggestion(path: str) -> str:
    """What a mistyped path may have meant, as the end of a sentence; empty without an idea."""
    known = [".".join(p) for p in patterns() if ANY not in p and REST not in p]
    under = sorted(name for name in known if name.startswith(path + "."))
    if under:
        return f"; it has {', '.join(name[len(path) + 1 :] for name in under[:8])}"
    ends = [name for name in known if name.endswith("." + path)]
    close = ends or difflib.get_close_matches(path, known, n=3, cutoff=0.6)
    if close:
        return f"; did you mean {' or '.join(close[:3])}?"
    return "; docs/criteria.md lists the figures"
