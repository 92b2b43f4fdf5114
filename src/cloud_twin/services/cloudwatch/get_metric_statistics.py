"""GetMetricStatistics: one metric, several statistics, at most 1,440 points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_twin.services.cloudwatch.parameters import (
    in_periods,
    invalid,
    is_period,
    metric_name,
    mismatched,
    required,
    rounded_start,
    time_of,
    unit_of,
    unix_s,
)
from cloud_twin.services.cloudwatch.statistics import BASIC, Statistic, statistic
from cloud_twin.services.cloudwatch.store import MetricStore

POINTS_LIMIT = 1440


def get_metric_statistics(store: MetricStore, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Points in order of time; units apart. Raises ``AwsError`` for what AWS refuses."""
    name = metric_name(parameters)
    unit = unit_of(parameters)
    period_s = required(parameters, "Period")
    if not is_period(period_s):
        raise invalid(
            f"The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60: {period_s}."
        )
    start_s = unix_s(required(parameters, "StartTime"), "StartTime")
    end_s = unix_s(required(parameters, "EndTime"), "EndTime")
    if start_s >= end_s:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    points = (end_s - start_s) / period_s
    if points > POINTS_LIMIT:
        raise mismatched(
            f"You have requested up to {int(points):,} datapoints, which exceeds the limit of"
            f" {POINTS_LIMIT:,}. You may reduce the datapoints requested by increasing Period, or"
            " decreasing the time range."
        )
    simple, extended = _statistics(parameters)
    found = in_periods(store, name, unit, rounded_start(start_s, period_s), end_s, period_s)
    answer = []
    for of_unit, periods in found.items():
        for period, buckets in periods.items():
            point: dict[str, Any] = {"Timestamp": time_of(period), "Unit": of_unit}
            point |= {key: figure(buckets) for key, figure in simple.items()}
            figures = {key: figure(buckets) for key, figure in extended.items()}
            known = {key: value for key, value in figures.items() if value is not None}
            if known:
                point["ExtendedStatistics"] = known
            if simple or known:
                answer.append(point)
    return {"Label": name.name, "Datapoints": sorted(answer, key=lambda p: p["Timestamp"])}


def _statistics(
    parameters: Mapping[str, Any],
) -> tuple[dict[str, Statistic], dict[str, Statistic]]:
    simple: dict[str, Statistic] = {}
    extended: dict[str, Statistic] = {}
    for each in parameters.get("Statistics") or ():
        if each not in BASIC:
            raise invalid(f"The value {each} for parameter Statistics is invalid.")
        simple[each] = BASIC[each]
    for each in parameters.get("ExtendedStatistics") or ():
        figure = None if each in BASIC else statistic(each)
        if figure is None:
            raise invalid(f"The value {each} for parameter ExtendedStatistics is not supported.")
        extended[each] = figure
    if not simple and not extended:
        raise mismatched(
            "At least one of the parameters Statistics and ExtendedStatistics is required."
        )
    return simple, extended
