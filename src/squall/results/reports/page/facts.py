"""What stands in the page beside its charts: sums, tables and lists of facts."""

from __future__ import annotations

from dataclasses import dataclass

from squall.metrics import wilson_interval
from squall.models import LatencySummary, TestResults
from squall.results import figures
from squall.results.reports import story

END_KEYS = ("k-accepted", "k-refused", "k-unknown", "k-notsent")
"""CSS classes of the four ends, in the order of ``story.accounting_terms``."""

Facts = list[tuple[str, str]]
"""Names and values."""


@dataclass(frozen=True, slots=True)
class TypologyRow:
    """One kind of fraud; positions in percent from the left."""

    name: str
    percent: float
    low: float
    width: float
    recall: str
    interval: str
    number: str


def latencies(results: TestResults) -> list[tuple[str, LatencySummary]]:
    """Rows of the table of percentiles."""
    latency = results.latency_ms
    rows: list[tuple[str, LatencySummary]] = [
        ("response", latency.response),
        ("service", latency.service),
        ("lateness", latency.lateness),
    ]
    if latency.decision.count:
        rows.append(("decision", latency.decision))
    return rows


def accounting(results: TestResults) -> dict[str, object]:
    """The two sums, what belongs to them, errors by kind and lists of ids."""
    accounting = results.accounting
    seen = story.reconciliation_terms(results)
    most = max(results.errors.values(), default=1) or 1
    lists = (
        ("Lost", accounting.lost_ids),
        ("Decided more than once", accounting.duplicated_ids),
        ("Unexpected", accounting.unexpected_ids),
        ("Never decided", accounting.unresolved_ids),
    )
    facts: Facts = [
        ("decided more than once", figures.count(accounting.duplicated)),
        ("sent, never decided", figures.count(accounting.unresolved)),
        (
            "recorded amounts",
            {0: "agree to the last minor unit", None: "not compared"}.get(
                accounting.amount_difference_minor,
                f"differ by {accounting.amount_difference_minor or 0:+,} minor units",
            ),
        ),
        ("requests written, retries included", figures.count(accounting.attempts)),
    ]
    return {
        "accounting_lede": _accounting_lede(results),
        "ends": story.accounting_terms(results),
        "end_keys": END_KEYS,
        "seen_terms": seen,
        "seen_matches": bool(seen) and story.total(seen) == accounting.seen,
        "record_facts": facts,
        "errors": [
            (kind, number, round(100 * number / most, 2))
            for kind, number in sorted(results.errors.items(), key=lambda item: -item[1])
        ],
        "id_lists": [(name, ids) for name, ids in lists if ids],
    }


def _accounting_lede(results: TestResults) -> str:
    accounting = results.accounting
    due = accounting.rejected_expected
    parts = ["Every planned transaction ends in exactly one of four states."]
    if due and due == accounting.rejected:
        parts.append("All refusals were edge cases that must be refused.")
    elif due:
        parts.append(f"{figures.count(due)} of the refusals were edge cases that must be refused.")
    if accounting.seen is None:
        parts.append(accounting.note or "The target's records were not read: losses are unknown.")
    elif accounting.note:
        parts.append(accounting.note)
    return " ".join(parts)


def detection(results: TestResults) -> dict[str, object]:
    """Recall by typology with intervals, the whole, and the edge cases in a sentence."""
    detection = results.detection
    rows = []
    known = [(n, t) for n, t in detection.by_typology.items() if t.transactions]
    for name, typology in sorted(known, key=lambda item: -item[1].detected / item[1].transactions):
        low, high = wilson_interval(typology.detected, typology.transactions) or (0.0, 1.0)
        share = typology.detected / typology.transactions
        rows.append(
            TypologyRow(
                name=figures.words(name),
                percent=round(100 * share, 2),
                low=round(100 * low, 2),
                width=round(100 * (high - low), 2),
                recall=figures.percent(share),
                interval=figures.interval((low, high)),
                number=figures.count(typology.transactions),
            )
        )
    facts: Facts = [
        ("fraud found (recall)", _with_interval(detection.recall, detection.recall_interval)),
        (
            "legitimate held by mistake",
            _with_interval(
                detection.false_positive_rate, detection.false_positive_rate_interval, 2
            ),
        ),
    ]
    if detection.average_precision is not None:
        facts.append(("average precision of the scores", f"{detection.average_precision:.3f} of 1"))
    facts.extend(
        (f"precision if {name} of payments were fraud", figures.percent(precision))
        for name, precision in story.realistic_precision(detection)
    )
    wrong = [
        f"{figures.words(n)} ({e.otherwise})"
        for n, e in detection.edge_cases.items()
        if e.otherwise
    ]
    kinds = len(detection.edge_cases)
    return {
        "typologies": rows,
        "detection_facts": facts,
        "detection_lede": _detection_lede(results),
        "detection_gap": story.detection_gap(results),
        "edge_summary": f"{kinds - len(wrong)} of {kinds} kinds treated as documented"
        + (f"; not {', '.join(wrong)}" if wrong else ""),
    }


def _detection_lede(results: TestResults) -> str:
    if gap := story.detection_gap(results):
        return f"Accuracy was {gap}."
    detection = results.detection
    source = (
        "Every transaction carries a hidden label."
        if results.config.replay is None
        else "Labels are those of the replayed file."
    )
    legitimate = (
        f"of {figures.count(detection.legitimate)} legitimate ones, "
        f"{figures.percent(detection.false_positive_rate, 2)}"
    )
    if not detection.fraud:
        return f"{source} No fraud was decided on; {legitimate} were declined or sent to review."
    return (
        f"{source} Of {figures.count(detection.fraud)} fraudulent "
        f"ones that were decided, {figures.percent(detection.recall)} were declined or sent to "
        f"review; {legitimate}."
    )


def _with_interval(share: float | None, bounds: tuple[float, float] | None, digits: int = 1) -> str:
    text = figures.percent(share, digits)
    return f"{text} (95 % interval {figures.interval(bounds)})" if bounds else text


def value_lede(results: TestResults) -> str:
    """Where the figures of money come from, or why there are none."""
    if gap := story.value_gap(results):
        return f"What fraud was worth was {gap}."
    rates = results.business.rates_as_of or "the run"
    source = (
        "the hidden truth of each transaction"
        if results.config.replay is None
        else "the amounts and labels of the replayed file"
    )
    caveat = (
        " The customers are synthetic: this measures decisions, not a bank's books."
        if results.config.replay is None
        else ""
    )
    return f"Money from {source}, in US dollars at the reference rates of {rates}.{caveat}"


def money(results: TestResults) -> Facts:
    """What decisions were worth, beside what was stopped and missed; only what was measured."""
    business = results.business
    worth = (
        ("payments decided", business.processed_value),
        ("legitimate purchases held by mistake", business.legitimate_value_declined),
    )
    return [(name, figures.money(value)) for name, value in worth if value is not None]


def generator(results: TestResults) -> Facts:
    """How the load generator itself did."""
    generator = results.generator
    cpu = generator.cpu_us_per_request
    busiest = generator.busiest_worker_cpu
    facts = [
        ("lateness of sends, P99", figures.milliseconds(generator.lateness_p99_ms)),
        (
            "longest delay by its own fault",
            figures.milliseconds(generator.own_lateness_max_ms),
        ),
        ("sends over 10 ms late by its own fault", figures.percent(generator.own_late_share, 3)),
        ("waited for a connection", figures.percent(generator.pool_wait_share)),
        (
            "busiest worker",
            figures.DASH if busiest is None else f"{figures.percent(busiest, 0)} of a core",
        ),
        ("CPU for each request", figures.DASH if cpu is None else f"{cpu:.1f} µs"),
        ("workers could make and send", figures.rate(generator.calibrated_tps)),
        ("memory growth of all workers", figures.size(generator.memory_growth_bytes)),
        ("workers and connections", f"{generator.workers} and {generator.connections}"),
    ]
    if generator.workers_lost:
        facts.append(("workers that died", figures.count(generator.workers_lost)))
    return facts


def environment(results: TestResults) -> Facts:
    """Where and when the run took place."""
    facts = [(figures.words(name), value) for name, value in results.environment.items()]
    return [
        *facts,
        ("seed", str(results.seed)),
        ("started", results.started_at),
        ("finished", results.finished_at),
        ("faults injected", ", ".join(fault.name for fault in results.faults) or "none"),
    ]
