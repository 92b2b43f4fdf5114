"""Judges criteria, and makes a run's verdict of them. Pure functions of what was measured.

Truth has three values: passed, failed, and None for what was not measured. ``and`` fails when one
part fails, ``or`` passes when one passes, whatever is unknown beside it (Kleene's logic). For the
verdict, what was not measured has not passed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from squall.models import CriterionResult, LiveSnapshot, TestResults, TestStatus, Verdict
from squall.scenarios.criteria.expression import (
    All,
    Amount,
    Comparison,
    Criterion,
    Either,
    Expression,
    Not,
    Portion,
    Truth,
)
from squall.scenarios.criteria.parser import parse_criterion
from squall.scenarios.criteria.readings import (
    AT_THE_END,
    LiveReadings,
    Readings,
    ResultReadings,
    Value,
)
from squall.scenarios.criteria.units import show

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FROM_RECORDS = frozenset(
    f"accounting.{figure}"
    for figure in ("lost", "duplicated", "unexpected", "amount_difference_minor")
)
"""Figures of the final read that do not depend on how well the generator kept its pace."""

_WORDS = {"==": "exactly", "!=": "anything but", "<": "below", "<=": "at most"}
_WORDS |= {">": "above", ">=": "at least"}


@dataclass(frozen=True, slots=True)
class _Judged:
    """One part of a criterion, judged."""

    passed: bool | None
    measured: Value
    detail: str


def judge(criteria: Iterable[str | Criterion], results: TestResults) -> tuple[CriterionResult, ...]:
    """Judge criteria over a finished run, in order.

    Raises CriterionError for text that is no criterion.
    """
    readings = ResultReadings(results)
    return tuple(_judge(_parsed(criterion), readings) for criterion in criteria)


def judge_live(
    criteria: Iterable[str | Criterion], snapshot: LiveSnapshot
) -> tuple[CriterionResult, ...]:
    """Judge criteria over a run so far; those that need its end have ``passed`` None.

    Raises CriterionError for text that is no criterion.
    """
    readings = LiveReadings(snapshot)
    return tuple(_judge(_parsed(criterion), readings) for criterion in criteria)


def verdict(results: TestResults) -> Verdict:
    """What a run says about its target, from its status, generator and judged criteria.

    A run that did not complete is ABORTED. When the generator was the limit, only what the
    target's own records prove counts: FAILED when a criterion about that was not met, else
    INVALID. Then one criterion that is not True makes it FAILED; without criteria it is NOT_JUDGED.
    """
    if results.status in (TestStatus.ABORTED, TestStatus.FAILED):
        return Verdict.ABORTED
    if results.generator.limited:
        return Verdict.FAILED if proven_failures(results.criteria) else Verdict.INVALID
    if not results.criteria:
        return Verdict.NOT_JUDGED
    passed = all(criterion.passed is True for criterion in results.criteria)
    return Verdict.PASSED if passed else Verdict.FAILED


def proven_failures(criteria: Iterable[CriterionResult]) -> tuple[CriterionResult, ...]:
    """The criteria not met whatever the pace of the load: those about the target's records alone.

    A transaction that was acknowledged and is not in the records is lost, however late it was sent.
    """
    return tuple(
        criterion
        for criterion in criteria
        if criterion.passed is False and _speaks_of_records_alone(criterion.expression)
    )


def _speaks_of_records_alone(text: str) -> bool:
    figures = parse_criterion(text).figures
    return all(str(figure) in FROM_RECORDS for figure in figures)


def _parsed(criterion: str | Criterion) -> Criterion:
    return parse_criterion(criterion) if isinstance(criterion, str) else criterion


def _judge(criterion: Criterion, readings: Readings) -> CriterionResult:
    judged = _walk(criterion.expression, readings)
    return CriterionResult(criterion.text, judged.passed, judged.measured, judged.detail)


def _walk(expression: Expression, readings: Readings) -> _Judged:
    match expression:
        case Comparison():
            return _comparison(expression, readings)
        case Truth(figure, wanted):
            value = readings.value(figure)
            if value is None:
                return _Judged(None, None, f"not measured: {readings.why_missing(figure)}")
            return _Judged(bool(value) == wanted, bool(value), f"{figure} is {_yes_no(value)}")
        case Not(part):
            inner = _walk(part, readings)
            passed = None if inner.passed is None else not inner.passed
            return _Judged(passed, inner.measured, inner.detail)
        case All(parts):
            judged = [_walk(part, readings) for part in parts]
            return _joined(judged, decisive=False)
        case Either(parts):
            judged = [_walk(part, readings) for part in parts]
            return _joined(judged, decisive=True)


def _joined(judged: Sequence[_Judged], *, decisive: bool) -> _Judged:
    """And (``decisive`` False) or or (True): one decisive part settles it."""
    outcomes = [part.passed for part in judged]
    if decisive in outcomes:
        passed: bool | None = decisive
    else:
        passed = None if None in outcomes else not decisive
    detail = "; ".join(dict.fromkeys(part.detail for part in judged))
    return _Judged(passed, passed, detail)


def _comparison(test: Comparison, readings: Readings) -> _Judged:
    if test.phase is None:
        return _compared(test, readings.value(test.left.figure), _limit(test, readings), readings)
    lefts = readings.by_phase(test.left.figure, test.phase)
    if not lefts:
        live = readings.why_missing(test.left.figure) == AT_THE_END
        why = AT_THE_END if live else f"the run did not reach phase “{test.phase}”"
        return _Judged(None, None, f"not measured: {why}")
    if isinstance(test.right, Portion) and test.right.figure.has_phases:
        figures = readings.by_phase(test.right.figure, test.phase)
        limits = [_times(value, test.right.factor) for value in figures]
    else:
        limits = [_limit(test, readings)] * len(lefts)
    judged = [
        _compared(test, left, limit, readings) for left, limit in zip(lefts, limits, strict=True)
    ]
    # Every phase of the name has to pass; the first that does not is the one to show.
    outcomes = [part.passed for part in judged]
    telling = outcomes.index(False) if False in outcomes else None
    if telling is None:
        telling = outcomes.index(None) if None in outcomes else len(judged) - 1
    shown = judged[telling]
    which = f" {telling + 1} of {len(judged)}" if len(judged) > 1 else ""
    detail = f"{shown.detail} (phase {test.phase}{which})"
    return _Judged(shown.passed, shown.measured, detail)


def _limit(test: Comparison, readings: Readings) -> float | None:
    """The right side in its own unit."""
    if isinstance(test.right, Amount):
        return test.right.value
    return _times(readings.value(test.right.figure), test.right.factor)


def _times(value: Value, factor: float) -> float | None:
    return None if value is None else float(value) * factor


def _compared(test: Comparison, left: Value, limit: float | None, readings: Readings) -> _Judged:
    figure = test.left.figure
    if left is None:
        return _Judged(None, None, f"not measured: {readings.why_missing(figure)}")
    right_unit = test.right.unit if isinstance(test.right, Amount) else test.right.figure.unit
    if limit is None:
        assert isinstance(test.right, Portion)
        why = readings.why_missing(test.right.figure)
        return _Judged(None, left, f"{test.right.figure} was not measured: {why}")
    measured = float(left) * test.left.factor
    unit = figure.unit
    # Compared in the figure's own unit: a limit of 2 s is exactly 2,000 ms.
    wanted = limit if right_unit is unit else limit * right_unit.factor / unit.factor
    passed = _COMPARE[test.operator](measured, round(wanted, 12))
    share = f"{test.left.factor:.4g} × " if test.left.factor != 1.0 else ""
    detail = (
        f"{share}{figure} is {show(left, unit)}; "
        f"needed: {_WORDS[test.operator]} {show(limit, right_unit)}"
    )
    return _Judged(passed, left, detail)


def _yes_no(value: Value) -> str:
    return "yes" if value else "no"
