"""What each phase of the load profile came to on its own."""

from __future__ import annotations

from collections.abc import Sequence

from squall.models import (
    Counts,
    DecisionInterval,
    Interval,
    LatencyHistogram,
    LoadProfile,
    Phase,
    PhaseResult,
)


class PhaseTotals:
    """Counts and latencies by phase.

    An interval (a tenth of a second of one worker) belongs wholly to the phase that holds its
    middle. A transaction is therefore planned in the phase of its intended send, to within an
    interval, and answered in the phase in which its answer came: where answers take longer than
    a tenth of a second, the first of a phase are those of the phase before. What comes after the
    profile's end belongs to the last phase.
    """

    def __init__(self, profile: LoadProfile) -> None:
        self._phases: Sequence[Phase] = profile.phases
        self._counts = [Counts() for _ in self._phases]
        self._response = [LatencyHistogram() for _ in self._phases]
        self._decision = [LatencyHistogram() for _ in self._phases]
        self._reached_s = 0.0

    def add(self, interval: Interval, profile_s: float) -> None:
        """Add an interval whose middle was at ``profile_s`` seconds of the profile."""
        at = self.index_at(profile_s)
        self._counts[at] = self._counts[at] + interval.counts
        self._response[at].merge(interval.response)
        self._reached_s = max(self._reached_s, profile_s)

    def add_decisions(self, interval: DecisionInterval, profile_s: float) -> None:
        """Add decisions that were seen at ``profile_s`` seconds of the profile."""
        self._decision[self.index_at(profile_s)].merge(interval.decision)

    def index_at(self, profile_s: float) -> int:
        """Which phase holds ``profile_s``; the last one after the end."""
        for at, phase in enumerate(self._phases):
            if profile_s < phase.end_s:
                return at
        return len(self._phases) - 1

    def name_at(self, profile_s: float) -> str:
        """Name of the phase that holds ``profile_s``."""
        return self._phases[self.index_at(profile_s)].name

    def results(self) -> tuple[PhaseResult, ...]:
        """The phases that were reached, in order; the last ends where the run got to."""
        reached_s = self._reached_s
        return tuple(
            _result(phase, min(phase.end_s, reached_s), counts, response, decision)
            for phase, counts, response, decision in zip(
                self._phases, self._counts, self._response, self._decision, strict=True
            )
            if phase.start_s < reached_s or counts.planned
        )


def _result(
    phase: Phase,
    end_s: float,
    counts: Counts,
    response: LatencyHistogram,
    decision: LatencyHistogram,
) -> PhaseResult:
    length_s = end_s - phase.start_s
    return PhaseResult(
        name=phase.name,
        start_s=phase.start_s,
        end_s=end_s,
        planned=counts.planned,
        accepted=counts.accepted,
        errors=counts.errors,
        accepted_tps=round(counts.accepted / length_s, 1) if length_s > 0 else 0.0,
        response=response.percentiles_ms(),
        decision=decision.percentiles_ms(),
    )
