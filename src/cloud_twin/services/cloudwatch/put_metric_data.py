"""PutMetricData: all of a request is checked before any of it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.service import Dimensions
from cloud_twin.services.cloudwatch.parameters import (
    dimensions_of,
    invalid,
    mismatched,
    required,
    unit_of,
    unix_s,
)
from cloud_twin.services.cloudwatch.store import MINUTE_S, MetricStore

REQUEST_LIMIT_BYTES = 1024 * 1024
METRICS_LIMIT = 1000
VALUES_LIMIT = 150
VALUE_LIMIT = 2.0**360
PAST_LIMIT_S = 14 * 24 * 3600
FUTURE_LIMIT_S = 2 * 3600
NAME_LIMIT = 255


@dataclass(frozen=True, slots=True)
class _Datum:
    key: tuple[str, str, Dimensions, str]
    at_s: float
    resolution_s: int
    values: Sequence[float]
    counts: Sequence[float]
    summary: tuple[float, float, float, float] | None
    """Sample count, sum, minimum, maximum of a statistic set."""


def put_metric_data(store: MetricStore, parameters: Mapping[str, Any], now_s: float) -> int:
    """Keep every value; how many metrics it were. Raises ``AwsError`` and then keeps nothing."""
    namespace = _namespace(parameters)
    entries = list(parameters.get("MetricData") or ())
    for group in parameters.get("EntityMetricData") or ():
        entries += group.get("MetricData") or ()
    if not entries:
        required({}, "MetricData")
    if len(entries) > METRICS_LIMIT:
        raise invalid(
            f"The collection MetricData must not have a size greater than {METRICS_LIMIT}."
        )
    data = [
        _datum(namespace, entry, f"MetricData.member.{number}.", now_s)
        for number, entry in enumerate(entries, 1)
    ]
    for datum in data:
        _keep(store, datum, now_s)
    return len(data)


def check_size(body: bytes) -> None:
    """Raise ``RequestEntityTooLarge`` for a request over 1 MB, unpacked where it came as gzip.

    Code and text are those that users of the service report of its former limit of 40 KB.
    """
    if len(body) > REQUEST_LIMIT_BYTES:
        message = f"Request size {len(body)} exceeded {REQUEST_LIMIT_BYTES} bytes"
        raise AwsError("RequestEntityTooLarge", message, 413)


def _keep(store: MetricStore, datum: _Datum, now_s: float) -> None:
    start_s = int(datum.at_s // datum.resolution_s) * datum.resolution_s
    bucket = store.bucket(datum.key, start_s, now_s)
    if datum.summary is not None:
        bucket.add_set(*datum.summary)
    for value, count in zip(datum.values, datum.counts, strict=True):
        if count:
            bucket.add(value, count)


def _namespace(parameters: Mapping[str, Any]) -> str:
    namespace = str(required(parameters, "Namespace"))
    if namespace.startswith((":", "AWS/")) or len(namespace) > NAME_LIMIT:
        raise invalid(f"The value {namespace} for parameter Namespace is invalid.")
    return namespace


def _datum(namespace: str, entry: Mapping[str, Any], where: str, now_s: float) -> _Datum:
    name = str(required(entry, "MetricName", where))
    if len(name) > NAME_LIMIT:
        raise invalid(f"The value {name} for parameter {where}MetricName is invalid.")
    resolution_s = entry.get("StorageResolution", MINUTE_S)
    if resolution_s not in (1, MINUTE_S):
        raise invalid(
            f"The value {resolution_s} for parameter {where}StorageResolution must be 1 or 60."
        )
    dimensions = dimensions_of(entry.get("Dimensions") or (), where)
    values, counts, summary = _values(entry, where)
    return _Datum(
        key=(namespace, name, dimensions, unit_of(entry, where) or "None"),
        at_s=_timestamp(entry, where, now_s),
        resolution_s=resolution_s,
        values=values,
        counts=counts,
        summary=summary,
    )


def _timestamp(entry: Mapping[str, Any], where: str, now_s: float) -> float:
    if entry.get("Timestamp") is None:
        return now_s
    at_s = unix_s(entry["Timestamp"], f"{where}Timestamp")
    if at_s < now_s - PAST_LIMIT_S:
        raise invalid(
            f"The parameter {where}Timestamp must specify a time within the past two weeks."
        )
    if at_s > now_s + FUTURE_LIMIT_S:
        raise invalid(
            f"The parameter {where}Timestamp must specify a time no more than two hours in the"
            " future."
        )
    return at_s


def _values(
    entry: Mapping[str, Any], where: str
) -> tuple[Sequence[float], Sequence[float], tuple[float, float, float, float] | None]:
    value, values, summary = (entry.get(k) for k in ("Value", "Values", "StatisticValues"))
    if value is not None and values:
        raise mismatched(_both(where, "Value", "Values"))
    if value is not None and summary is not None:
        raise mismatched(_both(where, "Value", "StatisticValues"))
    if values and summary is not None:
        raise mismatched(_both(where, "Values", "StatisticValues"))
    if summary is not None:
        return (), (), _statistic_set(summary, f"{where}StatisticValues.")
    if value is not None:
        return [_number(value, f"{where}Value")], [1.0], None
    if not values:
        raise mismatched(
            f"At least one of the parameters {where}Value, {where}Values and"
            f" {where}StatisticValues must be specified."
        )
    counts = entry.get("Counts") or [1.0] * len(values)
    if len(values) > VALUES_LIMIT:
        raise invalid(
            f"The collection {where}Values must not have a size greater than {VALUES_LIMIT}."
        )
    if len(counts) != len(values):
        raise invalid(f"The parameters {where}Values and {where}Counts must be of the same size.")
    for count in counts:
        if _number(count, f"{where}Counts") < 0:
            raise invalid(f"The value {count} for parameter {where}Counts is invalid.")
    return [_number(each, f"{where}Values") for each in values], [float(c) for c in counts], None


def _statistic_set(summary: Mapping[str, Any], where: str) -> tuple[float, float, float, float]:
    count, total, minimum, maximum = (
        _number(required(summary, name, where), where + name)
        for name in ("SampleCount", "Sum", "Minimum", "Maximum")
    )
    if count <= 0:
        raise invalid(f"The value {count} for parameter {where}SampleCount is invalid.")
    if minimum > maximum:
        raise invalid(f"The parameter {where}Minimum must not be greater than {where}Maximum.")
    return count, total, minimum, maximum


def _number(value: object, name: str) -> float:
    if (
        not isinstance(value, (int, float))
        or not isfinite(value)
        or not -VALUE_LIMIT <= value <= VALUE_LIMIT
    ):
        shown = "NaN" if isinstance(value, float) and isnan(value) else value
        raise invalid(f"The value {shown} for parameter {name} is invalid.")
    return float(value)


def _both(where: str, one: str, other: str) -> str:
    return (
        f"The parameters {where}{one} and {where}{other} are mutually exclusive and you have"
        " specified both."
    )
