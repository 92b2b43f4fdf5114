"""Brings the reports of all workers together: totals, seconds, phases, and the live state."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from squall.metrics.conflated import Conflated
from squall.metrics.detection import detect
from squall.metrics.generator import GeneratorTrack
from squall.metrics.phases import PhaseTotals
from squall.metrics.recent import RecentWindow
from squall.metrics.schedule import Schedule
from squall.metrics.seconds import SecondRows
from squall.metrics.totals import Totals
from squall.models import (
    Accounting,
    Counts,
    CriterionResult,
    DecisionInterval,
    Detection,
    GeneratorReport,
    Interval,
    Latencies,
    LatencyHistogram,
    LiveSnapshot,
    LoadProfile,
    PhaseResult,
    Receipt,
    Second,
    TestStatus,
    Throughput,
    Truth,
)

SNAPSHOT_PERIOD_S = 0.1
"""How often a running test's state is published."""


@dataclass(frozen=True, slots=True)
class RunState:
    """What the aggregator cannot know by itself and a snapshot states."""

    status: TestStatus
    at_s: float
    """Seconds since the start of the load."""
    workers_alive: int
    criteria: tuple[CriterionResult, ...] = ()


class MetricsAggregator:
    """Everything measured in one run so far.

    ``add`` takes the intervals of any number of workers in any order; the sums do not depend on
    it. Percentiles are read from merged histograms and never averaged. Apart from one row and one
    integer per worker for each second, nothing grows with the run.

    ``amounts_known``: as ``SourceSpec`` states it.
    """

    def __init__(
        self,
        run_id: str,
        profile: LoadProfile,
        schedule: Schedule,
        *,
        amounts_known: bool = True,
    ) -> None:
        self.run_id = run_id
        self.profile = profile
        self.schedule = schedule
        self._amounts_known = amounts_known
        self._totals = Totals()
        self._seconds = SecondRows()
        self._phases = PhaseTotals(profile)
        self._recent = RecentWindow()
        self._generator = GeneratorTrack()
        self._snapshots: Conflated[LiveSnapshot] = Conflated()
        self._first_planned_s: float | None = None
        self._last_answer_s = 0.0
        self._last_s = 0.0

    def add(self, interval: Interval) -> None:
        """Take one worker's report of about a tenth of a second."""
        self._totals.add(interval)
        self._seconds.add(interval)
        middle_s = (interval.start_s + interval.end_s) / 2
        self._phases.add(interval, self.schedule.profile_time(middle_s))
        self._recent.add(interval)
        self._generator.add(interval)
        self._last_s = max(self._last_s, interval.end_s)
        counts = interval.counts
        if counts.planned:
            first_s = self._first_planned_s
            self._first_planned_s = min(interval.start_s, math.inf if first_s is None else first_s)
        if counts.accepted or counts.rejected or counts.indeterminate:
            self._last_answer_s = max(self._last_answer_s, interval.end_s)

    def add_decisions(self, interval: DecisionInterval) -> None:
        """Take decisions that came by another channel than the answers."""
        self._totals.add_decisions(interval)
        self._seconds.add_decisions(interval)
        self._phases.add_decisions(interval, self.schedule.profile_time(interval.end_s))

    # --- live ---

    def snapshot(self, state: RunState) -> LiveSnapshot:
        """The run as it stands; totals are since its start."""
        recent = self._recent.read(state.at_s)
        profile_s = self.schedule.profile_time(state.at_s)
        totals = self._totals
        return LiveSnapshot(
            run_id=self.run_id,
            status=state.status,
            at_s=state.at_s,
            duration_s=self.profile.duration_s,
            phase=self._phases.name_at(profile_s),
            planned_tps=self.schedule.rate_tps(state.at_s),
            offered_tps=recent.offered_tps,
            accepted_tps=recent.accepted_tps,
            accounting=totals.accounting(),
            response=totals.response.percentiles_ms(),
            response_recent=recent.response,
            service=totals.service.percentiles_ms(),
            lateness=totals.lateness.percentiles_ms(),
            decision=totals.decision.percentiles_ms(),
            detection=self.detection(),
            errors=dict(totals.errors),
            queue_depth=recent.queue_depth,
            in_flight=recent.in_flight,
            generator_cpu_cores=recent.cpu_cores,
            criteria=state.criteria,
            workers_alive=state.workers_alive,
            rate_multiplier=self.schedule.rate_multiplier,
            profile_s=profile_s,
        )

    def publish(self, state: RunState) -> LiveSnapshot:
        """Make a snapshot and hand it to every subscriber."""
        snapshot = self.snapshot(state)
        self._snapshots.publish(snapshot)
        return snapshot

    def subscribe(self) -> AsyncIterator[LiveSnapshot]:
        """The newest snapshot, then each newer one; a slow subscriber skips, nobody waits for it.

        Ends after the last snapshot once the aggregator is closed.
        """
        return self._snapshots.watch()

    def close(self) -> None:
        """End all subscriptions; what was measured stays readable."""
        self._snapshots.close()

    # --- after the run ---

    @property
    def counts(self) -> Counts:
        """Sums of all workers' counts."""
        return self._totals.counts

    @property
    def errors(self) -> Mapping[str, int]:
        """Ends other than accepted, by kind."""
        return dict(self._totals.errors)

    @property
    def retried(self) -> Mapping[str, int]:
        """Attempts that were refused and made again, by kind."""
        return dict(self._totals.retried)

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """What the target acknowledged, by place."""
        return tuple(sorted(self._totals.receipts.values(), key=lambda receipt: receipt.place))

    @property
    def error_rate(self) -> float | None:
        """(unexpected refusals + indeterminate + not sent) ÷ planned; None before any."""
        counts = self._totals.counts
        return counts.errors / counts.planned if counts.planned else None

    @property
    def truth(self) -> Truth:
        """Ground truth against decisions."""
        return self._totals.truth

    @property
    def histograms(self) -> tuple[LatencyHistogram, ...]:
        """Response, service, lateness and decision, merged over all workers."""
        totals = self._totals
        return totals.response, totals.service, totals.lateness, totals.decision

    def accounting(self, note: str = "") -> Accounting:
        """The accounting without a final read: what the target recorded is unknown."""
        return self._totals.accounting(note)

    def detection(self) -> Detection:
        """Detection over the whole run."""
        return detect(self._totals.truth, amounts_known=self._amounts_known)

    def latencies(self) -> Latencies:
        """Percentiles over the whole run."""
        response, service, lateness, decision = (h.percentiles_ms() for h in self.histograms)
        return Latencies(response=response, service=service, lateness=lateness, decision=decision)

    def throughput(self) -> Throughput:
        """Rates over the whole run, in transactions per second; times to within an interval.

        Offered is what was due in the run. A run whose workers have all died ends before its plan,
        and all that was left is settled as not sent: that is in the accounting and was never due.
        """
        counts = self._totals.counts
        due = min(counts.planned, self.schedule.count_due(self._last_s))
        scheduled_s = min(self.profile.duration_s, self.schedule.profile_time(self._last_s))
        duration_s = max(0.0, self._last_answer_s - (self._first_planned_s or 0.0))
        return Throughput(
            offered_tps=round(due / scheduled_s, 2) if scheduled_s else 0.0,
            accepted_tps=round(counts.accepted / duration_s, 2) if duration_s else 0.0,
            peak_tps=self._seconds.peak_accepted_tps,
            planned_peak_tps=self.profile.peak_tps,
            duration_s=round(duration_s, 3),
        )

    def seconds(self) -> tuple[Second, ...]:
        """One row per second."""
        return self._seconds.rows()

    def phases(self) -> tuple[PhaseResult, ...]:
        """One row per phase that was reached."""
        return self._phases.results()

    def generator_report(
        self,
        *,
        workers: int,
        workers_lost: int,
        calibrated_tps: float | None,
        notes: tuple[str, ...] = (),
    ) -> GeneratorReport:
        """How the generator did, and whether it was the limit of the run."""
        return self._generator.report(
            workers=workers,
            workers_lost=workers_lost,
            lateness=self._totals.lateness.percentiles_ms(),
            calibrated_tps=calibrated_tps,
            planned_peak_tps=self.profile.peak_tps,
            notes=notes,
        )
