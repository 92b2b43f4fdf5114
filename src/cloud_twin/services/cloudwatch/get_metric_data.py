"""GetMetricData: metrics and expressions over them, in pages of at most 100,800 points.

Periods are counted from the start time, rounded down to the minute (or to a shorter period). A page
ends within a result or between two; its token says where, so that values that arrive in between
move nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.services.cloudwatch.distribution import Distribution
from cloud_twin.services.cloudwatch.expression import BadExpression, Node, names, parse
from cloud_twin.services.cloudwatch.lines import Line, Value
from cloud_twin.services.cloudwatch.metric_math import WORDS, Scope, evaluate
from cloud_twin.services.cloudwatch.parameters import (
    in_periods,
    is_period,
    metric_name,
    required,
    rounded_start,
    time_of,
    unacceptable,
    unit_of,
    unix_s,
)
from cloud_twin.services.cloudwatch.statistics import Statistic, statistic
from cloud_twin.services.cloudwatch.store import MetricName, MetricStore

QUERIES_LIMIT = 500
POINTS_LIMIT = 100_800
_ID = re.compile(r"[a-z][A-Za-z0-9_]{0,254}")
_TOKEN = re.compile(r"(\d{1,6})\.(-?\d{1,12})?")


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """One metric to be read."""

    name: MetricName
    period_s: int
    figure: Statistic
    unit: str | None


@dataclass(frozen=True, slots=True)
class Query:
    """One entry of MetricDataQueries: a metric or an expression."""

    id: str
    label: str
    returned: bool
    metric: MetricQuery | None
    tree: Node | None
    period_s: int | None


@dataclass(frozen=True, slots=True)
class _Result:
    id: str
    line: Line


def queries_of(parameters: Mapping[str, Any]) -> list[Query]:
    """The queries of a call. Raises ``ValidationError`` and ``MissingParameter``."""
    entries = parameters.get("MetricDataQueries") or []
    if not entries:
        required({}, "MetricDataQueries")
    if len(entries) > QUERIES_LIMIT:
        raise unacceptable(
            f"The collection MetricDataQueries must not have a size greater than {QUERIES_LIMIT}."
        )
    queries = [_query(entry, number) for number, entry in enumerate(entries, 1)]
    seen: set[str] = set()
    for query in queries:
        if query.id in seen:
            raise unacceptable(
                f"The values for parameter id in MetricDataQueries are not unique: {query.id}."
            )
        seen.add(query.id)
    return queries


def get_metric_data(
    store: MetricStore, parameters: Mapping[str, Any], queries: Sequence[Query]
) -> dict[str, Any]:
    """One page of results. Raises ``ValidationError`` and ``InvalidNextToken``."""
    start_s, end_s = _window(parameters)
    page = parameters.get("MaxDatapoints")
    if page is not None and not 1 <= page <= POINTS_LIMIT:
        raise unacceptable(f"The parameter MaxDatapoints must be between 1 and {POINTS_LIMIT}.")
    order = parameters.get("ScanBy") or "TimestampDescending"
    if order not in ("TimestampDescending", "TimestampAscending"):
        raise unacceptable(f"The value {order} for parameter ScanBy is invalid.")
    results = _results(store, queries, start_s, end_s)
    return _page(
        results, order == "TimestampDescending", page or POINTS_LIMIT, parameters.get("NextToken")
    )


def _window(parameters: Mapping[str, Any]) -> tuple[float, float]:
    start_s = unix_s(required(parameters, "StartTime"), "StartTime")
    end_s = unix_s(required(parameters, "EndTime"), "EndTime")
    if start_s > end_s:
        raise unacceptable("The parameter EndTime must be greater than StartTime.")
    if start_s == end_s:
        raise unacceptable("The parameter StartTime must not equal parameter EndTime.")
    return start_s, end_s


def _query(entry: Mapping[str, Any], number: int) -> Query:
    where = f"MetricDataQueries.member.{number}."
    name = str(required(entry, "Id", where))
    if not _ID.fullmatch(name):
        raise unacceptable(
            f"The value {name} for parameter {where}Id is not matching the expected pattern"
            " ^[a-z][a-zA-Z0-9_]*$."
        )
    stat, text = entry.get("MetricStat"), entry.get("Expression")
    if (stat is None) == (text is None):
        raise unacceptable(
            f"The parameter {where}MetricStat or {where}Expression must be given, and only one of"
            " the two."
        )
    period_s = entry.get("Period")
    if period_s is not None and not is_period(period_s):
        raise _bad_period(where, period_s)
    metric = _metric(stat, f"{where}MetricStat.") if stat is not None else None
    tree = _tree(text, name) if text is not None else None
    label = entry.get("Label") or (metric.name.name if metric else name)
    return Query(name, label, entry.get("ReturnData") is not False, metric, tree, period_s)


def _metric(stat: Mapping[str, Any], where: str) -> MetricQuery:
    period_s = required(stat, "Period", where)
    if not is_period(period_s):
        raise _bad_period(where, period_s)
    text = str(required(stat, "Stat", where))
    figure = statistic(text)
    if figure is None:
        raise unacceptable(f"The value {text} for parameter {where}Stat is not supported.")
    name = metric_name(required(stat, "Metric", where), f"{where}Metric.")
    return MetricQuery(name, period_s, figure, unit_of(stat, where))


def _bad_period(where: str, period_s: object) -> AwsError:
    return unacceptable(
        f"The value {period_s} for parameter {where}Period must be 1, 5, 10, 20, 30 or a multiple"
        " of 60."
    )


def _tree(text: str, name: str) -> Node:
    if text.lstrip()[:7].upper() in ("SELECT ", "SEARCH("):
        raise unacceptable(
            f"Error in expression '{name}': this endpoint has no Metrics Insights and no SEARCH;"
            " name the metrics with MetricStat."
        )
    try:
        return parse(text)
    except BadExpression as problem:
        raise unacceptable(f"Error in expression '{name}': {problem}.") from None


# --- results --------------------------------------------------------------------------------


def _results(
    store: MetricStore, queries: Sequence[Query], start_s: float, end_s: float
) -> list[_Result]:
    lines = {
        query.id: _line(store, query.metric, query.label, start_s, end_s)
        for query in queries
        if query.metric is not None
    }
    values = _Evaluation(queries, lines, start_s, end_s)
    results: list[_Result] = []
    for query in queries:
        if not query.returned:
            continue
        value = values.of(query.id)
        if isinstance(value, float):
            raise unacceptable(
                f"Error in expression '{query.id}': its result is a number; a metric or a list of"
                " metrics is needed. Set ReturnData to false to use it in other expressions."
            )
        if isinstance(value, Line):
            results.append(_Result(query.id, Line(query.label, value.period_s, value.points)))
            continue
        results += [
            _Result(query.id, Line(f"{query.label} {line.label}", line.period_s, line.points))
            for line in value
        ]
    return results


def _line(store: MetricStore, query: MetricQuery, label: str, start_s: float, end_s: float) -> Line:
    first_s = rounded_start(start_s, query.period_s)
    found = in_periods(store, query.name, query.unit, first_s, end_s, query.period_s)
    periods: dict[int, list[Distribution]] = {}
    for of_unit in found.values():
        for period, buckets in of_unit.items():
            periods.setdefault(period, []).extend(buckets)
    points = {}
    for period in sorted(periods):
        figure = query.figure(periods[period])
        if figure is not None:
            points[period] = figure
    return Line(label, query.period_s, points)


class _Evaluation:
    """Expressions, each once, whatever order they come in."""

    def __init__(
        self, queries: Sequence[Query], lines: Mapping[str, Line], start_s: float, end_s: float
    ) -> None:
        self._queries = {query.id: query for query in queries}
        self._lines = lines
        self._values: dict[str, Value] = dict(lines)
        self._open: set[str] = set()
        self._start_s = start_s
        self._end_s = end_s

    def of(self, name: str) -> Value:
        if name not in self._values:
            self._values[name] = self._evaluate(self._queries[name])
        return self._values[name]

    def _evaluate(self, query: Query) -> Value:
        if query.tree is None or query.id in self._open or len(self._open) > 60:
            raise unacceptable(
                f"Error in expression '{query.id}': it depends on itself, or on too many others."
            )
        self._open.add(query.id)
        needed = {name for name in names(query.tree) if name not in WORDS}
        periods = [line.period_s for line in self._lines.values()]
        period_s = query.period_s or min(periods, default=300)
        try:
            scope = Scope(
                named={name: self.of(name) for name in needed if name in self._queries},
                metrics=self._lines,
                start_s=rounded_start(self._start_s, period_s),
                end_s=self._end_s,
                period_s=period_s,
            )
            return evaluate(query.tree, scope)
        except BadExpression as problem:
            raise unacceptable(f"Error in expression '{query.id}': {problem}.") from None
        finally:
            self._open.discard(query.id)


# --- pages ----------------------------------------------------------------------------------


def _page(
    results: Sequence[_Result], newest_first: bool, room: int, token: object
) -> dict[str, Any]:
    """Results from the token's place on, with ``room`` points."""
    first, after_s = _place(token, len(results))
    entries: list[dict[str, Any]] = []
    next_token = None
    for position in range(first, len(results)):
        result = results[position]
        times = sorted(result.line.points, reverse=newest_first)
        if position == first and after_s is not None:
            times = [at for at in times if (at < after_s if newest_first else at > after_s)]
        if times and room == 0:
            next_token = f"{position}."
            break
        shown = times[:room]
        room -= len(shown)
        whole = len(shown) == len(times)
        entries.append(
            {
                "Id": result.id,
                "Label": result.line.label,
                "Timestamps": [time_of(at) for at in shown],
                "Values": [result.line.points[at] for at in shown],
                "StatusCode": "Complete" if whole else "PartialData",
            }
        )
        if not whole:
            next_token = f"{position}.{shown[-1]}"
            break
    answer: dict[str, Any] = {"MetricDataResults": entries, "Messages": []}
    if next_token is not None:
        answer["NextToken"] = next_token
    return answer


def _place(token: object, results: int) -> tuple[int, int | None]:
    if token is None:
        return 0, None
    found = _TOKEN.fullmatch(token) if isinstance(token, str) else None
    if found is None or int(found[1]) >= results:
        raise AwsError("InvalidNextToken", "The NextToken parameter is not valid for this request.")
    return int(found[1]), int(found[2]) if found[2] else None
