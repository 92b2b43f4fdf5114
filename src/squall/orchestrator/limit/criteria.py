"""Criteria of a scenario or the command line, made fit for the short runs of a search."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from squall.orchestrator.sessions import STREAM
from squall.scenarios.criteria import Criterion, parse_criterion
from squall.scenarios.criteria.expression import (
    All,
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
    trends, on the throughput that a scenario plans and between phases are left out.
    """
    judged, left_out = [], []
    for text in texts:
        criterion = parse_criterion(text)
        whole = any(figure.path[0] in _NEEDS_THE_WHOLE for figure in criterion.figures)
        if whole or _between_phases(criterion.expression):
            left_out.append(text)
        else:
            judged.append(replace(criterion, expression=_without_phase(criterion.expression)))
    return StepCriteria(tuple(judged), tuple(left_out))


def _without_phase(expression: Expression) -> Expression:
    match expression:
        case Comparison():
            right = expression.right
            if isinstance(right, Portion):
                right = replace(right, phase=None)
            return replace(expression, left=replace(expression.left, phase=None), right=right)
        case Truth():
            return expression
        case Not():
            return Not(_without_phase(expression.part))
        case All():
            return All(tuple(_without_phase(part) for part in expression.parts))
        case Either():
            return Either(tuple(_without_phase(part) for part in expression.parts))


def _between_phases(expression: Expression) -> bool:
    """Whether one phase is held against another, or against the whole."""
    match expression:
        case Comparison(left=left, right=Portion() as right):
            # What has no phases is the same in all of them.
            return right.figure.has_phases and left.phase != right.phase
        case Not():
            return _between_phases(expression.part)
        case All() | Either():
            return any(_between_phases(part) for part in expression.parts)
        case _:
            return False
