"""Judges criteria, and makes a run's verdict of them. Pure functions of what was measured.

Truth has three values: passed, failed, and None for what was not measured. ``and`` fails when one
part fails, ``or`` passes when one passes, whatever is unknown beside it (Kleene's logic). For the
verdict, what was not measured has not passed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product

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
    left, right = test.left, test.right
    lefts = _values(left, readings)
    limits = _limits(right, readings)
    for portion, values in ((left, lefts), (right, limits)):
        if not values:
            assert isinstance(portion, Portion)
            live = readings.why_missing(portion.figure) == AT_THE_END
            why = AT_THE_END if live else f"the run did not reach phase “{portion.phase}”"
            return _Judged(None, None, f"not measured: {why}")
    # Every phase of a name has to pass: in the same one, or against each of the other name.
    if isinstance(right, Portion) and right.phase == left.phase:
        pairs = [(at, at) for at in range(len(lefts))]
    else:
        pairs = list(product(range(len(lefts)), range(len(limits))))
    judged = [_compared(test, lefts[one], limits[other], readings) for one, other in pairs]
    outcomes = [part.passed for part in judged]
    # The first that does not pass is the one to show.
    telling = outcomes.index(False) if False in outcomes else None
    if telling is None:
        telling = outcomes.index(None) if None in outcomes else len(judged) - 1
    shown, (one, other) = judged[telling], pairs[telling]
    where = _where(left, one, len(lefts))
    if isinstance(right, Portion) and right.phase not in (None, left.phase):
        where += f"{', ' if where else ''}against {_where(right, other, len(limits))}"
    detail = f"{shown.detail} ({where})" if where else shown.detail
    return _Judged(shown.passed, shown.measured, detail)


def _where(portion: Portion, at: int, of: int) -> str:
    """Which phase a value is of; empty for the whole run."""
    if portion.phase is None:
        return ""
    return f"phase {portion.phase}" + (f" {at + 1} of {of}" if of > 1 else "")


def _values(portion: Portion, readings: Readings) -> list[Value]:
    """The figure in each phase of the name; over the run, one."""
    if portion.phase is None:
        return [readings.value(portion.figure)]
    return readings.by_phase(portion.figure, portion.phase)


def _limits(right: Amount | Portion, readings: Readings) -> list[float | None]:
    """The right side in its own unit, as ``_values``."""
    if isinstance(right, Amount):
        return [right.value]
    return [_times(value, right.factor) for value in _values(right, readings)]


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
