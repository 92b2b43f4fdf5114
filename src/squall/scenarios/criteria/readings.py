"""Where a criterion's figures come from: a finished result, or the state of a running test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from squall.models import (
    AgentMetrics,
    LiveSnapshot,
    PhaseResult,
    ProbeResult,
    StabilityResult,
    TestResults,
)
from squall.scenarios.criteria.paths import Figure

Value = float | bool | None

AT_THE_END = "judged at the end"


class Readings(Protocol):
    """Gives a figure's value."""

    def value(self, figure: Figure) -> Value:
        """Over the whole run; None where it was not measured."""
        ...

    def by_phase(self, figure: Figure, phase: str) -> list[Value]:
        """In every phase of that name, in order; empty where there was none."""
        ...

    def why_missing(self, figure: Figure) -> str:
        """The reason for a None."""
        ...


class ResultReadings:
    """The figures of a finished run."""

    def __init__(self, results: TestResults) -> None:
        self._results = results

    def value(self, figure: Figure) -> Value:
        """The figure's field in the result."""
        derived = _derived(figure, self._results)
        return derived[0] if derived else _field(self._results, figure.path)

    def by_phase(self, figure: Figure, phase: str) -> list[Value]:
        """The figure in each phase of that name."""
        return [_in_phase(figure, p) for p in self._results.phases if p.name == phase]

    def why_missing(self, figure: Figure) -> str:
        """What was not there to be measured."""
        results = self._results
        match figure.path[0]:
            case "accounting":
                return _why_unaccounted(figure, results)
            case "agents":
                return (
                    "the target reports no such agent"
                    if results.agents
                    else ("the target reports no agents")
                )
            case "stability":
                open_checks = [s for s in results.stability if s.passed is None]
                return "; ".join(f"{s.metric}: {s.detail}" for s in open_checks) or (
                    "the scenario has no stability limits"
                )
            case "coordination":
                return "the target does not report what its agents and coordinator did"
            case "probes":
                return _why_unprobed(figure, results)
            case "dashboard":
                return (
                    "the target's agent dashboard has no such number"
                    if results.dashboard
                    else "the target has no agent dashboard"
                )
            case "resources":
                return f"the {figure.path[1]}'s resources were not sampled"
            case "latency_ms":
                return "no transaction was answered"
            case "detection":
                return "no such transaction with a label was decided"
            case "business":
                return "no such transaction with an amount was decided"
        return "the run has no such figure"


class LiveReadings:
    """The figures of a running test that can be read before its end; the others are None."""

    def __init__(self, snapshot: LiveSnapshot) -> None:
        self._snapshot = snapshot

    def value(self, figure: Figure) -> Value:
        """The figure so far."""
        snapshot, path = self._snapshot, figure.path
        match path:
            case ("latency_ms", "response" | "service" | "lateness" | "decision" as clock, field):
                return _field(getattr(snapshot, clock), (field,))
            case ("accounting", "balanced"):
                return None
            case ("accounting" | "detection", *_):
                return _field(snapshot, path)
            case ("errors", "total"):
                return sum(snapshot.errors.values())
            case ("errors", kind):
                return snapshot.errors.get(kind, 0)
            case ("error_rate",):
                return self._error_rate()
            case ("throughput", "offered_tps"):
                return snapshot.accounting.planned / snapshot.at_s if snapshot.at_s > 0 else None
            case ("throughput", "accepted_tps"):
                return snapshot.accounting.accepted / snapshot.at_s if snapshot.at_s > 0 else None
        return None

    def _error_rate(self) -> float | None:
        so_far = self._snapshot.accounting
        if so_far.planned == 0:
            return None
        refused = so_far.rejected - so_far.rejected_expected
        return (refused + so_far.indeterminate + so_far.not_sent) / so_far.planned

    def by_phase(self, figure: Figure, phase: str) -> list[Value]:
        """Nothing: a phase is judged when it is over."""
        return []

    def why_missing(self, figure: Figure) -> str:
        """The end has to come first."""
        return AT_THE_END


def _derived(figure: Figure, results: TestResults) -> tuple[Value] | None:
    """The figures that sum up a list, in a tuple of one; None for all others."""
    match figure.path:
        case ("agents", "all_healthy"):
            return (all(a.was_healthy for a in results.agents) if results.agents else None,)
        case ("agents", "all_healthy_at_end"):
            return (all(a.healthy for a in results.agents) if results.agents else None,)
        case ("agents", "count"):
            return (len(results.agents),)
        case ("errors", "total"):
            return (sum(results.errors.values()),)
        case ("errors", kind):
            return (results.errors.get(kind, 0),)
        case ("retried", "total"):
            return (sum(results.retried.values()),)
        case ("retried", kind):
            return (results.retried.get(kind, 0),)
        case ("probes", name, number) if number != "latency_ms":
            probe = _probe(name, results)
            return (None if probe is None else probe.figures.get(number),)
        case ("stability", "passed"):
            return (_all_passed([s.passed for s in results.stability]),)
    return None


def _all_passed(checks: list[bool | None]) -> bool | None:
    """False when one failed; None when there is none, or one could not be judged."""
    if False in checks:
        return False
    return True if checks and None not in checks else None


def _field(holder: Any, path: tuple[str, ...]) -> Value:
    """Follow a path through dataclasses, mappings and lists of named things."""
    for name in path:
        if holder is None:
            return None
        if isinstance(holder, Mapping):
            holder = holder.get(name)
        elif isinstance(holder, tuple):
            holder = next((item for item in holder if _name_of(item) == name), None)
        else:
            holder = getattr(holder, name)
    value: Value = holder
    return value


def _name_of(item: AgentMetrics | ProbeResult | StabilityResult) -> str:
    return item.metric if isinstance(item, StabilityResult) else item.name


def _probe(name: str, results: TestResults) -> ProbeResult | None:
    return next((probe for probe in results.probes if probe.name == name), None)


def _why_unaccounted(figure: Figure, results: TestResults) -> str:
    if results.accounting.seen is not None and figure.path[-1] == "amount_difference_minor":
        return "the transactions or the target's records have no amounts"
    return results.accounting.note or "there was no final read of the target's records"


def _why_unprobed(figure: Figure, results: TestResults) -> str:
    probe = _probe(figure.path[1], results)
    if probe is None:
        return "the run had no such probe"
    return probe.problem or "; ".join(probe.notes) or "the probe did not measure it"


def _in_phase(figure: Figure, phase: PhaseResult) -> Value:
    length_s = phase.end_s - phase.start_s
    match figure.path:
        case ("accounting", "planned"):
            return phase.planned
        case ("accounting", "accepted"):
            return phase.accepted
        case ("error_rate",):
            return phase.errors / phase.planned if phase.planned else None
        case ("throughput", "offered_tps"):
            return phase.planned / length_s if length_s > 0 else None
        case ("throughput", "accepted_tps"):
            return phase.accepted_tps
    clock = phase.decision if figure.path[1] == "decision" else phase.response
    return _field(clock, figure.path[2:])
