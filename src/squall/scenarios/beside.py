"""Checks of a scenario's probes and faults that only the whole scenario allows."""

from __future__ import annotations

from collections.abc import Sequence

from squall.models import FaultSpec, LoadProfile, ProbeSpec, TestScenario
from squall.scenarios.criteria import Criterion
from squall.scenarios.fields import near
from squall.yaml_document import Document, Place


def check_beside(
    document: Document,
    scenario: TestScenario,
    criteria: Sequence[tuple[Place, Criterion]],
    profile: LoadProfile,
) -> None:
    """Report names used twice, phases that the load lacks, and probe figures that do not exist."""
    phases = list(dict.fromkeys(phase.name for phase in profile.phases))
    _check_each(document, "probes", scenario.probes, phases)
    _check_each(document, "faults", scenario.faults, phases)
    probes = {probe.name: probe for probe in scenario.probes}
    for place, criterion in criteria:
        for figure in criterion.figures:
            if figure.path[0] == "probes":
                _check_figure(document, place, figure.path[1:], probes)


def _check_each(
    document: Document,
    part: str,
    specs: Sequence[ProbeSpec] | Sequence[FaultSpec],
    phases: list[str],
) -> None:
    seen: set[str] = set()
    for position, spec in enumerate(specs):
        if spec.name in seen:
            document.report((part, position, "name"), f"“{spec.name}” is used twice")
        seen.add(spec.name)
        if spec.during is not None and spec.during not in phases:
            document.report(
                (part, position, "during"),
                f"the load has no phase “{spec.during}”{near(spec.during, phases)}",
            )


def _check_figure(
    document: Document, place: Place, path: tuple[str, ...], probes: dict[str, ProbeSpec]
) -> None:
    name, figure = path[0], path[1]
    probe = probes.get(name)
    if probe is None:
        known = near(name, probes) if probes else "; it has no probes"
        document.report(place, f"the scenario has no probe “{name}”{known}")
    elif figure != "latency_ms" and figure not in probe.FIGURES:
        known = near(figure, (*probe.FIGURES, "latency_ms"))
        document.report(place, f"a probe of type {probe.type} has no figure “{figure}”{known}")
