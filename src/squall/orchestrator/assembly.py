"""From everything that was measured to the result: the last and pure step of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from squall.business import business_metrics
from squall.metrics import MetricsAggregator
from squall.metrics.collectors import HostCollector
from squall.metrics.coordination import coordination_of
from squall.models import (
    Accounting,
    AgentMetrics,
    FaultRecord,
    GeneratorReport,
    ProbeResult,
    SystemMetrics,
    TargetEnd,
    TestResults,
    TestStatus,
    Verdict,
)
from squall.orchestrator.environment import describe_environment
from squall.orchestrator.planning import RunPlan
from squall.orchestrator.service_watch import ServiceReport
from squall.results.analysis import analyse
from squall.results.histograms import histogram_logs
from squall.scenarios.criteria import judge, verdict
from squall.scenarios.stability import check_stability

CROWDED_SHARE = 0.25
"""Share of the cores from which the use of other programs is worth naming."""
STOLEN_SHARE = 0.005
"""Share of the machine's time from which the hypervisor's is: 1 % of it is in every P99."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run left behind."""

    plan: RunPlan
    started_at: str
    """RFC 3339, UTC."""
    finished_at: str
    status: TestStatus
    stopped_early: bool
    """Whether somebody let it drain before its end."""
    target_name: str
    aggregator: MetricsAggregator
    accounting: Accounting
    calibrated_tps: float | None
    calibration_notes: tuple[str, ...]
    """What it leaves out."""
    workers_lost: int
    agents: tuple[AgentMetrics, ...]
    host: HostCollector
    cores: int
    notes: tuple[str, ...]
    services: ServiceReport | None = None
    probes: tuple[ProbeResult, ...] = ()
    faults: tuple[FaultRecord, ...] = ()
    dashboard: Mapping[str, float] = field(default_factory=dict)
    target_ended: TargetEnd | None = None


def assemble(measured: Measured) -> TestResults:
    """The result, judged and analysed."""
    results = _measurements(measured)
    scenario = measured.plan.config.scenario
    results = replace(results, stability=check_stability(scenario.stability, results))
    results = replace(results, criteria=judge(measured.plan.criteria, results))
    results = replace(results, verdict=_verdict(measured, results))
    return replace(results, findings=analyse(results))


def balanced(accounting: Accounting) -> tuple[Accounting, str]:
    """The account with every planned transaction in one of the four ends, and a note if changed.

    Transactions of which a stuck worker never reported an end may have been written: they are
    indeterminate.
    """
    gap = accounting.planned - (
        accounting.accepted + accounting.rejected + accounting.indeterminate + accounting.not_sent
    )
    if gap <= 0:
        return accounting, ""
    note = f"{gap:,} transactions were never reported on; they are counted as indeterminate"
    return replace(accounting, indeterminate=accounting.indeterminate + gap), note


def _measurements(measured: Measured) -> TestResults:
    plan, seen = measured.plan, measured.aggregator
    accounting, gap = balanced(measured.accounting)
    return TestResults(
        run_id=plan.run_id,
        run_tag=plan.run_tag,
        scenario=plan.config.scenario.name,
        seed=plan.config.seed,
        started_at=measured.started_at,
        finished_at=measured.finished_at,
        status=measured.status,
        verdict=Verdict.NOT_JUDGED,
        target=measured.target_name,
        environment=describe_environment(plan.config.environment, plan.epoch_s, measured.cores),
        config=plan.config,
        scaling=plan.scaling,
        criteria=(),
        stability=(),
        accounting=accounting,
        throughput=seen.throughput(),
        latency_ms=seen.latencies(),
        errors=seen.errors,
        error_rate=seen.error_rate,
        detection=seen.detection(),
        generator=crowded(
            seen.generator_report(
                workers=plan.workers,
                workers_lost=measured.workers_lost,
                calibrated_tps=measured.calibrated_tps,
                notes=measured.calibration_notes,
            ),
            measured.host.means,
        ),
        agents=measured.agents,
        coordination=coordination_of(measured.agents),
        faults=measured.faults,
        resources=measured.host.means,
        resource_samples=measured.host.samples,
        business=replace(
            business_metrics(seen.truth, plan.rates_as_of, amounts_known=plan.source.amounts_known),
            cost=None if measured.services is None else measured.services.cost,
        ),
        services=None if measured.services is None else measured.services.figures,
        findings=(),
        phases=seen.phases(),
        seconds=seen.seconds(),
        histograms=histogram_logs(*seen.histograms),
        notes=(*measured.notes, *((gap,) if gap else ())),
        retried=seen.retried,
        receipts=seen.receipts,
        probes=measured.probes,
        dashboard=measured.dashboard,
        target_ended=measured.target_ended,
    )


def crowded(generator: GeneratorReport, resources: Mapping[str, SystemMetrics]) -> GeneratorReport:
    """The generator's report, with what others took of the machine.

    Other programs are named where they explain a limit; time that the hypervisor took always,
    because pauses of the whole machine are in every latency.
    """
    host = resources.get("host")
    if host is None:
        return generator
    notes = []
    own = sum(resources[name].cpu_cores for name in ("generator", "target") if name in resources)
    others = host.cpu_cores - own
    if generator.limited and others >= CROWDED_SHARE * host.cores_available:
        notes.append(f"other programs used {others:.1f} of this machine's {_cores(host)}")
    if host.stolen_cores >= STOLEN_SHARE * host.cores_available:
        notes.append(
            f"the hypervisor gave {host.stolen_cores / host.cores_available:.1%} of this "
            "machine's CPU time to others; latencies include those pauses"
        )
    if not notes:
        return generator
    if generator.limited:
        generator = replace(generator, limit_reason="; ".join([generator.limit_reason, *notes]))
    return replace(generator, notes=(*generator.notes, *notes))


def _cores(host: SystemMetrics) -> str:
    return f"{host.cores_available} core{'' if host.cores_available == 1 else 's'}"


def _verdict(measured: Measured, results: TestResults) -> Verdict:
    """The scenarios' verdict; a run that somebody cut short is never passed."""
    reached = verdict(results)
    if measured.stopped_early and reached in {Verdict.PASSED, Verdict.NOT_JUDGED}:
        return Verdict.ABORTED
    return reached
