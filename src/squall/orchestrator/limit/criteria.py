"""Criteria of a scenario or the command line, made fit for the short runs of a search."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from squall.orchestrator.sessions import STREAM
from squall.scenarios.criteria import Criterion, parse_criterion
from squall.scenarios.criteria.expression import (
    All,
    Amount,
    Comparison,
    Either,
    Expression,
    Not,
    Portion,
    Truth,
)

DEFAULT_CRITERIA = (
    "accounting.lost == 0",
    "error_rate < 0.1 %",
    "latency_ms.response.p95 < 1 s",
    "latency_ms.response.p99 < 2 s",
)
"""What a real-time payment system is expected to hold, where nothing else was asked for."""

STREAM_CRITERIA = (*DEFAULT_CRITERIA, "latency_ms.decision.p95 < 2 s")
"""The same where answers acknowledge and decisions come later."""

_NEEDS_THE_WHOLE = ("stability", "throughput")
"""Figures that describe a scenario's own course: trends over hours, the peak it plans."""


def default_criteria(target: str) -> tuple[str, ...]:
    """What is expected of a target, as a user names it, where nothing else was asked for."""
    follows = target == STREAM or (target.startswith("kinesis://") and "decisions=" in target)
    return STREAM_CRITERIA if follows else DEFAULT_CRITERIA


@dataclass(frozen=True, slots=True)
class StepCriteria:
    """Criteria to judge a step by, and those that cannot be judged on one."""

    judged: tuple[Criterion, ...]
    left_out: tuple[str, ...]


def for_steps(texts: Iterable[str]) -> StepCriteria:
    """Criteria for steps; raises ``CriterionError`` for text that is no criterion.

    ``… in phase NAME`` loses its phase: a step has one stretch that is measured. Criteria on
    trends and on the throughput that a scenario plans are left out.
    """
    judged, left_out = [], []
    for text in texts:
        criterion = parse_criterion(text)
        if any(figure.split(".")[0] in _NEEDS_THE_WHOLE for figure in _figures(criterion)):
            left_out.append(text)
        else:
            judged.append(replace(criterion, expression=_without_phase(criterion.expression)))
    return StepCriteria(tuple(judged), tuple(left_out))


def _without_phase(expression: Expression) -> Expression:
    match expression:
        case Comparison():
            return replace(expression, phase=None)
        case Truth():
            return expression
        case Not():
            return Not(_without_phase(expression.part))
        case All():
            return All(tuple(_without_phase(part) for part in expression.parts))
        case Either():
            return Either(tuple(_without_phase(part) for part in expression.parts))


def _figures(criterion: Criterion) -> list[str]:
    return _figures_in(criterion.expression)


def _figures_in(expression: Expression) -> list[str]:
    match expression:
        case Comparison():
            sides: tuple[Amount | Portion, ...] = (expression.left, expression.right)
            return [str(side.figure) for side in sides if isinstance(side, Portion)]
        case Truth():
            return [str(expression.figure)]
        case Not():
            return _figures_in(expression.part)
        case All() | Either():
            return [figure for part in expression.parts for figure in _figures_in(part)]
