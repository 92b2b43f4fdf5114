"""A realistic result, made from a seed: sums add up, series and histograms belong together.

``example_results()`` is a half-rate, tenth-time peak load that passes; keywords change the story.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from squall.models import (
    EXPECTED,
    Accounting,
    AgentMetrics,
    BusinessMetrics,
    ClientSpec,
    CriterionResult,
    Detection,
    EdgeCase,
    EdgeCaseConformity,
    GeneratorReport,
    Latencies,
    LatencyHistogram,
    LatencySummary,
    PhaseResult,
    Scaling,
    Second,
    StabilityResult,
    StressTestConfig,
    SystemMetrics,
    TestResults,
    TestScenario,
    TestStatus,
    Throughput,
    Typology,
    TypologyDetection,
    Verdict,
)
from squall.models.load_spec import RampUpSpec, SequenceSpec, SustainedSpec
from squall.results.histograms import histogram_logs

_RECALLS = {
    Typology.CARD_TESTING: 0.987,
    Typology.ACCOUNT_TAKEOVER: 0.958,
    Typology.IMPOSSIBLE_TRAVEL: 0.991,
    Typology.VELOCITY_BURST: 0.972,
    Typology.BUST_OUT: 0.931,
    Typology.SYNTHETIC_IDENTITY: 0.902,
    Typology.MERCHANT_COLLUSION: 0.884,
    Typology.STRUCTURING: 0.941,
    Typology.MULE_NETWORK: 0.913,
    Typology.REFUND_ABUSE: 0.874,
    Typology.GIFT_CARDS: 0.947,
    Typology.PUSH_PAYMENT_SCAM: 0.843,
    Typology.FRIENDLY_FRAUD: 0.312,
}


@dataclass(frozen=True)
class _Run:
    """Per-second columns of a simulated run."""

    planned: NDArray[np.int64]
    accepted: NDArray[np.int64]
    rejected: NDArray[np.int64]
    errors: NDArray[np.int64]
    response: list[LatencyHistogram]
    service: list[LatencyHistogram]
    lateness: list[LatencyHistogram]


def _scenario(peak_tps: float, duration_s: float) -> TestScenario:
    ramp = duration_s / 6
    return TestScenario(
        name="peak_load",
        title="Peak load",
        why="The busiest minutes of the year, held: does every payment still get its decision?",
        load=SequenceSpec(
            type="sequence",
            parts=(
                RampUpSpec(
                    type="ramp_up", name="ramp up", start_tps=0, end_tps=peak_tps, duration_s=ramp
                ),
                SustainedSpec(
                    type="sustained", name="hold", rate_tps=peak_tps, duration_s=4 * ramp
                ),
                RampUpSpec(
                    type="ramp_up", name="ramp down", start_tps=peak_tps, end_tps=0, duration_s=ramp
                ),
            ),
        ),
        client=ClientSpec(connections=128),
        criteria=(
            "lost == 0",
            "response.p95 < 2000 ms",
            "response.p99 < 5000 ms",
            "error_rate < 0.1 %",
            "agents.healthy",
        ),
    )


def _rates(peak_tps: float, duration_s: int) -> NDArray[np.float64]:
    t = np.arange(duration_s) + 0.5
    ramp = duration_s / 6
    shape: NDArray[np.float64] = np.clip(np.minimum(t / ramp, (duration_s - t) / ramp), 0, 1)
    return peak_tps * shape


def _simulate(
    peak_tps: float, duration_s: int, slowness: float, error_share: float, seed: int
) -> _Run:
    rng = np.random.default_rng(seed)
    rates = _rates(peak_tps, duration_s)
    planned = np.rint(rates).astype(np.int64)
    rejected = np.rint(planned * 0.0276).astype(np.int64)
    errors = rng.binomial(planned - rejected, error_share)
    accepted = planned - rejected - errors
    busy = rates / rates.max()
    response, service, lateness = [], [], []
    for second, n in enumerate(planned.tolist()):
        centre = 4.2 * slowness * (1 + 1.6 * busy[second] ** 4)
        if second in {duration_s // 2, duration_s // 2 + 1}:
            centre *= 5.5  # one pause of the target in the middle
        own = rng.lognormal(np.log(centre * 1000), 0.45, n)
        late = rng.lognormal(np.log(55), 0.7, n) + (rng.random(n) < 0.02 * busy[second]) * (
            rng.exponential(2500, n)
        )
        made = []
        for values in (own + late, own, late):
            histogram = LatencyHistogram()
            histogram.record(values.astype(np.int64))
            made.append(histogram)
        response.append(made[0])
        service.append(made[1])
        lateness.append(made[2])
    return _Run(planned, accepted, rejected, errors, response, service, lateness)


def _merged(parts: list[LatencyHistogram]) -> LatencyHistogram:
    whole = LatencyHistogram()
    for part in parts:
        whole.merge(part)
    return whole


def _seconds(run: _Run, connections: int, slowness: float) -> tuple[Second, ...]:
    rows = []
    for at, planned in enumerate(run.planned.tolist()):
        response = run.response[at].percentiles_ms()
        fraud = round(planned * 0.15)
        legitimate = round(planned * 0.8)
        rows.append(
            Second(
                at_s=at,
                planned=planned,
                accepted=int(run.accepted[at]),
                rejected=int(run.rejected[at]),
                errors=int(run.errors[at]),
                response_p50=response.p50,
                response_p95=response.p95,
                response_p99=response.p99,
                service_p99=run.service[at].percentiles_ms().p99,
                lateness_p99=run.lateness[at].percentiles_ms().p99,
                in_flight=min(connections, round(planned * 0.011 * slowness)),
                queue_depth=0,
                fraud=fraud,
                fraud_detected=round(fraud * (0.91 + 0.01 * np.sin(at / 7))),
                legitimate=legitimate,
                legitimate_flagged=round(legitimate * 0.006),
            )
        )
    return tuple(rows)


def _phases(run: _Run, duration_s: int) -> tuple[PhaseResult, ...]:
    ramp = duration_s // 6
    bounds = [
        ("ramp up", 0, ramp),
        ("hold", ramp, duration_s - ramp),
        ("ramp down", duration_s - ramp, duration_s),
    ]
    return tuple(
        PhaseResult(
            name=name,
            start_s=float(start),
            end_s=float(end),
            planned=int(run.planned[start:end].sum()),
            accepted=int(run.accepted[start:end].sum()),
            errors=int(run.errors[start:end].sum()),
            accepted_tps=round(float(run.accepted[start:end].sum()) / (end - start), 1),
            response=_merged(run.response[start:end]).percentiles_ms(),
        )
        for name, start, end in bounds
    )


def _detection(accepted: int) -> Detection:
    fraud = round(accepted * 0.155)
    legitimate = round(accepted * 0.823)
    share = fraud // len(_RECALLS)
    by_typology = {}
    for typology, recall in _RECALLS.items():
        found = round(share * recall)
        by_typology[typology.name.lower()] = TypologyDetection(
            transactions=share,
            detected=found,
            recall=found / share,
            value_usd=round(share * 212.4, 2),
            value_detected_usd=round(found * 214.1, 2),
        )
    fraud = share * len(_RECALLS)
    detected = sum(t.detected for t in by_typology.values())
    flagged = round(legitimate * 0.0061)
    recall, fpr = detected / fraud, flagged / legitimate
    margin, fpr_margin = 1.96 * np.sqrt(recall * (1 - recall) / fraud), 0.0002
    return Detection(
        fraud=fraud,
        legitimate=legitimate,
        recall=recall,
        recall_interval=(recall - float(margin), recall + float(margin)),
        false_positive_rate=fpr,
        false_positive_rate_interval=(fpr - fpr_margin, fpr + fpr_margin),
        precision=detected / (detected + flagged),
        accuracy=(detected + legitimate - flagged) / (fraud + legitimate),
        average_precision=0.943,
        precision_at_prevalence={
            f"{100 * share:g}%": recall * share / (recall * share + fpr * (1 - share))
            for share in (0.00015, 0.001, 0.005, 0.15)
        },
        by_typology=by_typology,
        edge_cases={
            case.name.lower(): EdgeCaseConformity(
                expected=EXPECTED[case].name.lower(),
                as_documented=accepted // 600 - (2 if case is EdgeCase.DST_FOLD else 0),
                otherwise=2 if case is EdgeCase.DST_FOLD else 0,
                unknown=0,
            )
            for case in EdgeCase
            if case is not EdgeCase.NONE
        },
    )


def _resources(
    duration_s: int, target_cores: float
) -> tuple[dict[str, SystemMetrics], tuple[SystemMetrics, ...]]:
    samples = []
    rates = _rates(1.0, duration_s)
    for at in range(0, duration_s, 2):
        busy = float(rates[at])
        target = 0.04 + target_cores * busy
        generator = 0.03 + 0.42 * busy
        for source, cores, rss, processes in (
            ("generator", generator, 148_000_000 + at * 6_000, 3),
            ("target", target, 612_000_000 + at * 190_000, 3),
            ("host", min(4.0, target + generator + 0.11), 3_900_000_000, 212),
        ):
            samples.append(
                SystemMetrics(source, float(at), round(cores, 3), rss, processes, cores_available=4)
            )
    means = {}
    for source in ("generator", "target", "host"):
        own = [s for s in samples if s.source == source]
        means[source] = SystemMetrics(
            source=source,
            at_s=0.0,
            cpu_cores=round(float(np.mean([s.cpu_cores for s in own])), 3),
            rss_bytes=round(float(np.mean([s.rss_bytes for s in own]))),
            processes=own[0].processes,
            cores_available=4,
        )
    return means, tuple(samples)


def _agents(accepted: int, slowness: float) -> tuple[AgentMetrics, ...]:
    rows = [
        ("transaction_analyser", 0.24, 11.2, 1.1, 2.9, 4.8),
        ("pattern_detector", 0.61, 28.4, 2.8, 7.1, 11.6),
        ("risk_assessor", 0.38, 17.9, 1.9, 4.4, 7.5),
        ("compliance", 0.09, 4.1, 0.4, 1.2, 2.1),
    ]
    return tuple(
        AgentMetrics(name, True, accepted, 0, 0, load * slowness, mean, p50, p95, p99)
        for name, load, mean, p50, p95, p99 in rows
    )


def example_results(
    *,
    run_id: str = "20260314T093000Z-3f9a1c",
    seed: int = 20_261_123,
    peak_tps: float = 5_000,
    duration_s: int = 180,
    slowness: float = 1.0,
    error_share: float = 0.0,
    lost: int = 0,
    verdict: Verdict = Verdict.PASSED,
    target_cores: float = 2.1,
) -> TestResults:
    """A whole result. ``slowness`` multiplies service times; ``error_share`` makes timeouts."""
    scenario = _scenario(peak_tps * 2, duration_s * 10.0)
    run = _simulate(peak_tps, duration_s, slowness, error_share, seed)
    planned, accepted = int(run.planned.sum()), int(run.accepted.sum())
    rejected, timeouts = int(run.rejected.sum()), int(run.errors.sum())
    response, service, lateness = map(_merged, (run.response, run.service, run.lateness))
    latency = Latencies(*(h.percentiles_ms() for h in (response, service, lateness)))
    replayed = accepted // 600
    detection = _detection(accepted)
    fraud_value = sum(t.value_usd or 0.0 for t in detection.by_typology.values())
    stopped = sum(t.value_detected_usd or 0.0 for t in detection.by_typology.values())
    means, samples = _resources(duration_s, target_cores)
    recovered = timeouts - timeouts // 10
    return TestResults(
        run_id=run_id,
        run_tag="k3v9x2ab",
        scenario="peak_load",
        seed=seed,
        started_at="2026-03-14T09:30:00.000Z",
        finished_at="2026-03-14T09:33:02.412Z",
        status=TestStatus.COMPLETED,
        verdict=verdict,
        target="inline: fraud platform at 127.0.0.1:8700",
        environment={
            "name": "local",
            "squall": "0.1.0",
            "python": "3.11.2",
            "system": "Linux 6.1.0 x86_64",
            "cpu": "Example CPU at 3.0 GHz",
            "cores": "4",
            "memory": "15.6 GiB",
            "event_time_epoch": "2026-03-14T09:30:00Z",
        },
        config=StressTestConfig(
            scenario=scenario, seed=seed, rate_scale=0.5, time_scale=0.1, workers=2
        ),
        scaling=Scaling(
            rate_scale=0.5,
            time_scale=0.1,
            planned_peak_tps=peak_tps,
            duration_s=float(duration_s),
            statement=f"Scaled: rates × 0.5 (peak {peak_tps:,.0f} instead of {2 * peak_tps:,.0f} "
            f"TPS), times × 0.1 ({duration_s / 60:g} instead of {duration_s / 6:g} minutes).",
        ),
        criteria=_criteria(latency.response, lost, timeouts / planned),
        stability=(
            StabilityResult("target memory", "% per hour", 4.1, (-2.2, 10.3), 20.0, True),
            StabilityResult("response P95", "% per hour", 1.2, (-9.0, 11.9), 25.0, True),
        ),
        accounting=Accounting(
            planned=planned,
            accepted=accepted,
            rejected=rejected,
            indeterminate=timeouts,
            not_sent=0,
            rejected_expected=rejected,
            attempts=planned + timeouts,
            replayed=replayed,
            seen=accepted - replayed - lost + recovered,
            lost=lost,
            duplicated=0,
            unexpected=0,
            recovered=recovered,
            unresolved=timeouts - recovered,
            amount_difference_minor=0,
            reconciled=lost == 0,
            lost_ids=tuple(f"k3v9x2ab-{i:012d}" for i in range(min(lost, 1000))),
        ),
        throughput=Throughput(
            offered_tps=round(planned / duration_s, 1),
            accepted_tps=round(accepted / (duration_s + 0.4), 1),
            peak_tps=float(run.accepted.max()),
            planned_peak_tps=peak_tps,
            duration_s=duration_s + 0.4,
        ),
        latency_ms=latency,
        errors={"timeout": timeouts} if timeouts else {},
        error_rate=timeouts / planned,
        detection=detection,
        generator=GeneratorReport(
            workers=2,
            connections=128,
            cpu_us_per_request=13.8,
            lateness_p99_ms=latency.lateness.p99,
            own_lateness_max_ms=3.4,
            own_late_share=0.0,
            pool_wait_share=0.004,
            busiest_worker_cpu=0.21,
            calibrated_tps=41_000.0,
            memory_growth_bytes=2_400_000,
            limited=verdict is Verdict.INVALID,
            limit_reason="sends were late although connections were idle"
            if verdict is Verdict.INVALID
            else "",
        ),
        agents=_agents(accepted, slowness),
        faults=(),
        resources=means,
        resource_samples=samples,
        business=BusinessMetrics(
            rates_as_of="2026-01-02",
            processed_value=round(accepted * 61.37, 2),
            fraud_value=round(fraud_value, 2),
            fraud_value_stopped=round(stopped, 2),
            fraud_value_missed=round(fraud_value - stopped, 2),
            legitimate_value_declined=round((detection.legitimate or 0) * 0.0061 * 74.2, 2),
        ),
        findings=(),
        phases=_phases(run, duration_s),
        seconds=_seconds(run, 128, slowness),
        histograms=histogram_logs(response, service, lateness),
    )


def _criteria(
    response: LatencySummary, lost: int, error_rate: float
) -> tuple[CriterionResult, ...]:
    p95, p99 = response.p95 or 0.0, response.p99 or 0.0
    return (
        CriterionResult("lost == 0", lost == 0, float(lost)),
        CriterionResult("response.p95 < 2000 ms", p95 < 2000, p95),
        CriterionResult("response.p99 < 5000 ms", p99 < 5000, p99),
        CriterionResult("error_rate < 0.1 %", error_rate < 0.001, error_rate),
        CriterionResult("agents.healthy", True, True, "4 of 4 agents healthy at the end"),
    )


def small_results(**changes: object) -> TestResults:
    """A short run with few transactions, quick to make, with fields replaced."""
    results = example_results(peak_tps=200, duration_s=12)
    return dataclasses.replace(results, **changes)  # type: ignore[arg-type]
