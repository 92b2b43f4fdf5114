"""The stream platform's bars from made-up results."""

from benchmarks.platform_inline import (
    GENERATOR_LIMITED,
    ReadAccounting,
    ReadFinding,
    ReadLimit,
    ReadSummary,
    ReadThroughput,
    limit_table,
)
from benchmarks.platform_stream import (
    ReadBusiness,
    ReadCost,
    ReadLatencies,
    Run,
    StreamResult,
    bars_of,
    table_of,
)
from benchmarks.stream_limit import bars_of as limit_bars

LIMIT = ReadLimit(
    headline="5,000 TPS holds; 5,300 TPS does not.",
    limit_tps=5000,
    breaks_tps=5300,
    holds_confidence=0.88,
    criteria=("accounting.lost == 0",),
    limited_by_generator=False,
    bottleneck=ReadFinding(title="functions are full"),
    breaking_reasons=("decision P95 2.4 s",),
)


def run(p95: float = 800.0, lost: int | None = 0, accepted: int = 95, status: int = 0) -> Run:
    summary = ReadSummary(p50=p95 / 2, p95=p95, p99=p95 * 2, max=p95 * 3)
    return Run(
        status,
        StreamResult(
            verdict="passed",
            accounting=ReadAccounting(
                planned=100,
                accepted=accepted,
                rejected=5,
                indeterminate=0,
                not_sent=0,
                rejected_expected=5,
                lost=lost,
                duplicated=0,
                unexpected=0,
                reconciled=lost == 0,
            ),
            latency_ms=ReadLatencies(response=summary, decision=summary),
            throughput=ReadThroughput(accepted_tps=95, peak_tps=95, duration_s=1),
            business=ReadBusiness(cost=ReadCost(per_transaction_usd=4.1e-6)),
        ),
    )


def test_bars_take_the_worst_count_and_the_median_latency() -> None:
    bars = bars_of([run(700), run(900, lost=2), run(5000)], [run(), run(accepted=90)])
    assert bars == {
        "stream_lost": 2,
        "stream_decision_p95_ms": 900,
        "stream_burst_undecided": 5,
    }


def test_runs_that_say_nothing_are_not_judged() -> None:
    limited = run(9000, status=GENERATOR_LIMITED)
    assert bars_of([limited], []) == {}
    assert bars_of([limited, run(600)], [])["stream_decision_p95_ms"] == 600
    assert "stream_lost" not in bars_of([run(lost=None)], [run(lost=None)])


def test_every_run_has_a_row() -> None:
    rows = table_of([run(), run(status=GENERATOR_LIMITED)], [], [run()]).rows
    assert [row[-1] for row in rows] == ["passed", "generator was the limit", "passed"]
    assert {row[-2] for row in rows} == {"4.10"}


def test_the_search_names_what_was_full() -> None:
    assert limit_bars(LIMIT) == {"stream_limit_tps": 5000}
    assert limit_bars(LIMIT.model_copy(update={"limit_tps": None})) == {}
    (row,) = limit_table(LIMIT).rows
    assert row[-2:] == ("decision P95 2.4 s", "functions are full")
