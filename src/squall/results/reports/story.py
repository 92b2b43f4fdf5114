"""What a run says, in sentences: shared by every format that people read."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from squall.models import (
    Coordination,
    CostBreakdown,
    Detection,
    StressTestConfig,
    TestResults,
    Verdict,
)
from squall.results.figures import count, percent, plural, small_money, words

VERDICT_WORDS = {
    Verdict.PASSED: "Passed",
    Verdict.FAILED: "Failed",
    Verdict.INVALID: "Not valid",
    Verdict.ABORTED: "Aborted",
    Verdict.NOT_JUDGED: "Not judged",
}


def title(results: TestResults) -> str:
    """The scenario's title."""
    return results.config.scenario.title


def is_scaled(results: TestResults) -> bool:
    """Whether the run differs from its scenario as written."""
    return (results.scaling.rate_scale, results.scaling.time_scale) != (1.0, 1.0)


def verdict_sentence(results: TestResults) -> str:
    """The verdict and its reason, in plain words."""
    if results.verdict is Verdict.INVALID:
        return (
            "The load generator was the limit, so this run says nothing about the target"
            + (f": {results.generator.limit_reason}" if results.generator.limit_reason else "")
            + "."
        )
    if results.verdict is Verdict.ABORTED:
        return "The run was ended before its plan was done; what was measured until then is here."
    unmet = [c for c in results.criteria if c.passed is False]
    unjudged = [c for c in results.criteria if c.passed is None]
    unstable = [s for s in results.stability if s.passed is False]
    if results.verdict is Verdict.PASSED:
        return {0: "No check failed.", 1: "Its one criterion was met."}.get(
            len(results.criteria), f"All {len(results.criteria)} criteria were met."
        )
    if results.verdict is Verdict.NOT_JUDGED and not (unmet or unjudged):
        return "The scenario states no criteria: the figures are here, the judgement is yours."
    parts = []
    if unmet:
        of = f"{len(unmet)} of {len(results.criteria)}"
        verb = "was" if len(unmet) == 1 else "were"
        parts.append(f"{of} criteria {verb} not met: " + "; ".join(c.expression for c in unmet))
    if unjudged:
        parts.append("could not be judged: " + "; ".join(c.expression for c in unjudged))
    if unstable:
        parts.append("keeps growing: " + ", ".join(s.metric for s in unstable))
    if results.generator.limited:
        parts.append("the load generator was the limit, so only what the records prove counts")
    sentence = ". ".join(part[0].upper() + part[1:] for part in parts)
    return f"{sentence}." if sentence else "See the findings for the reason."


def took_sentence(results: TestResults) -> str:
    """What the target took, how fast, and what became of it."""
    accounting = results.accounting
    sentence = (
        f"The target decided {plural(accounting.accepted, 'transaction')} of "
        f"{count(accounting.planned)} planned, up to {results.throughput.peak_tps:,.0f} a second"
    )
    if accounting.lost is None:
        return f"{sentence}; whether any was lost is unknown."
    if accounting.lost:
        return f"{sentence}, and lost {count(accounting.lost)}."
    if accounting.reconciled:
        return f"{sentence}, and lost none: its own records agree, id by id."
    return f"{sentence}, and lost none."


def state_word(passed: bool | None) -> str:
    """``met``, ``not met`` or ``unknown``."""
    return {True: "met", False: "not met", None: "unknown"}[passed]


@dataclass(frozen=True, slots=True)
class Term:
    """One signed term of a sum."""

    sign: str
    value: int
    name: str


def accounting_terms(results: TestResults) -> tuple[Term, ...]:
    """The four ends that add up to the plan."""
    accounting = results.accounting
    return (
        Term("", accounting.accepted, "accepted"),
        Term("+", accounting.rejected, "refused"),
        Term("+", accounting.indeterminate, "unknown end"),
        Term("+", accounting.not_sent, "not sent"),
    )


def reconciliation_terms(results: TestResults) -> tuple[Term, ...]:
    """The terms that add up to the ids in the target's records; empty without a final read."""
    accounting = results.accounting
    if accounting.seen is None:
        return ()
    return (
        Term("", accounting.accepted, "accepted"),
        Term("−", accounting.replayed, "answers to a repeated id"),
        *(
            [Term("−", accounting.refused_later, "acknowledged, then refused as they must be")]
            if accounting.refused_later
            else []
        ),
        Term("+", accounting.recovered or 0, "unknown here, decided there"),
        Term("−", accounting.lost or 0, "lost"),
        Term("+", accounting.unexpected or 0, "unexpected"),
    )


def total(terms: tuple[Term, ...]) -> int:
    """What the terms come to."""
    return sum(-term.value if term.sign == "−" else term.value for term in terms)


def detection_gap(results: TestResults) -> str:
    """Why nothing is said of accuracy; empty where something is."""
    if results.detection.fraud or results.detection.legitimate:
        return ""
    return "not measured: no transaction with a label was decided"


def value_gap(results: TestResults) -> str:
    """Why nothing is said of what fraud was worth; empty where something is."""
    if results.business.fraud_value is not None:
        return ""
    return "not measured: no transaction with a label and an amount was decided"


REALISTIC_SHARE = 0.05
"""Precision flatters at a stress test's mix of fraud; it is quoted below this share only."""


def realistic_precision(detection: Detection) -> tuple[tuple[str, float], ...]:
    """Precision re-weighted to realistic shares of fraud: (share in words, precision)."""
    return tuple(
        (name, precision)
        for name, precision in detection.precision_at_prevalence.items()
        if _share(name) < REALISTIC_SHARE
    )


def _share(name: str) -> float:
    """``0.1%`` or ``0.1 %`` as 0.001."""
    return float(name.replace("%", "").strip()) / 100


def cost_sentence(cost: CostBreakdown) -> str:
    """What a transaction cost, and how that is known."""
    known = f"usage by {cost.basis}, prices of {cost.prices}"
    if cost.per_transaction_usd is None:
        return f"A transaction: not measured; {small_money(cost.total_usd)} in all: {known}"
    each = small_money(cost.per_transaction_usd)
    return f"{each} a transaction, {small_money(cost.total_usd)} in all: {known}"


def cost_rows(cost: CostBreakdown) -> list[tuple[str, str, str, str]]:
    """Lines of the bill: what, how much of it, at what price, and the amount."""
    return [
        (
            f"{item.service} {item.resource}".strip(),
            f"{item.quantity:,.6g} {words(item.unit)}",
            f"{small_money(item.price_usd)} per {item.per:,.0f}",
            small_money(item.usd),
        )
        for item in cost.items
    ]


def cost_remarks(cost: CostBreakdown) -> str:
    """What the bill lacks or has too much; empty where it is complete."""
    remarks = [f"{note[:1].upper()}{note[1:]}." for note in cost.notes]
    if cost.unpriced:
        names = ", ".join(f"{u.service} {words(u.unit)} ({u.quantity:,.6g})" for u in cost.unpriced)
        remarks.append(f"Not in the price book, so not in the sum: {names}.")
    return " ".join(remarks)


def coordination_sentence(coordination: Coordination) -> str:
    """How the agents worked together; empty where that is not known."""
    parts = []
    if coordination.efficiency_share is not None:
        parts.append(
            f"{percent(coordination.efficiency_share, 0)} of the compute was judging, "
            "the rest settling"
        )
    if coordination.complete_share is not None:
        parts.append(
            f"{percent(coordination.complete_share, 2)} of the decisions had every "
            "agent's vote in time"
        )
    if coordination.imbalance_share is not None and coordination.busiest is not None:
        parts.append(
            f"the busiest agent, {words(coordination.busiest)}, did "
            f"{percent(coordination.imbalance_share, 0)} more than the mean"
        )
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def repeat_command(config: StressTestConfig) -> str:
    """The command that runs this again."""
    parts = ["squall", "run", config.scenario.name]
    scenario = config.scenario
    if config.target != (scenario.target or "inline"):
        parts += ["--target", config.target]
    if config.rate_scale != scenario.scale.rate:
        parts += ["--rate-scale", f"{config.rate_scale:g}"]
    if config.time_scale != scenario.scale.time:
        parts += ["--time-scale", f"{config.time_scale:g}"]
    parts += ["--seed", str(config.seed)]
    if config.workers is not None:
        parts += ["--workers", str(config.workers)]
    if config.replay is not None:
        parts += ["--replay", config.replay]
    if config.environment != "local":
        parts += ["--env", config.environment]
    return shlex.join(parts)
