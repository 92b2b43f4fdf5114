"""What several operations read from their parameters, and how they refuse them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.service import Dimensions
from cloud_twin.services.cloudwatch.distribution import Distribution
from cloud_twin.services.cloudwatch.store import MINUTE_S, Metric, MetricName, MetricStore

SUB_MINUTE_PERIODS_S = (1, 5, 10, 20, 30)
DIMENSIONS_LIMIT = 30
_SIZES = tuple(
    (scale + unit).capitalize()
    for unit in ("Bytes", "Bits")
    for scale in ("", "Kilo", "Mega", "Giga", "Tera")
)  # fmt: skip
UNITS = frozenset(
    {"Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"}
    | set(_SIZES)
    | {f"{size}/Second" for size in _SIZES}
)


def invalid(message: str) -> AwsError:
    """``InvalidParameterValue``."""
    return AwsError("InvalidParameterValue", message)


def mismatched(message: str) -> AwsError:
    """``InvalidParameterCombination``."""
    return AwsError("InvalidParameterCombination", message)


def missing(name: str) -> AwsError:
    """``MissingParameter``."""
    return AwsError("MissingParameter", f"The parameter {name} is required.")


def unacceptable(message: str) -> AwsError:
    """``ValidationError``."""
    return AwsError("ValidationError", message)


def required(parameters: Mapping[str, Any], name: str, where: str = "") -> Any:
    """A member that must be there. Raises ``MissingParameter``."""
    value = parameters.get(name)
    if value is None or value == "":
        raise missing(where + name)
    return value


def dimensions_of(entries: Sequence[Mapping[str, Any]], where: str) -> Dimensions:
    """Name and value of each dimension, in the order given.

    Raises ``InvalidParameterValue`` for too many, ``MissingParameter`` for half of one.
    """
    if len(entries) > DIMENSIONS_LIMIT:
        raise invalid(
            f"The collection {where}Dimensions must not have a size greater than"
            f" {DIMENSIONS_LIMIT}."
        )
    place = f"{where}Dimensions.member.{{}}."
    return tuple(
        (
            str(required(entry, "Name", place.format(number))),
            str(required(entry, "Value", place.format(number))),
        )
        for number, entry in enumerate(entries, 1)
    )


def unit_of(parameters: Mapping[str, Any], where: str = "") -> str | None:
    """``Unit``, if there is one. Raises ``InvalidParameterValue`` for an unknown one."""
    unit = parameters.get("Unit")
    if unit is not None and unit not in UNITS:
        raise invalid(f"The value {unit} for parameter {where}Unit is invalid.")
    return unit


def metric_name(parameters: Mapping[str, Any], where: str = "") -> MetricName:
    """Namespace, name and dimensions."""
    return MetricName(
        str(required(parameters, "Namespace", where)),
        str(required(parameters, "MetricName", where)),
        tuple(sorted(dimensions_of(parameters.get("Dimensions") or (), where))),
    )


def unix_s(value: object, name: str) -> float:
    """A time as Unix seconds; one without a zone is UTC. Raises ``InvalidParameterValue``."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise invalid(f"The value {value} for parameter {name} is not a time.")


def time_of(start_s: int) -> datetime:
    """As answers carry it."""
    return datetime.fromtimestamp(start_s, UTC)


def is_period(period_s: object) -> bool:
    """A period that AWS takes: 1, 5, 10, 20, 30 or a multiple of 60 seconds."""
    if not isinstance(period_s, int) or isinstance(period_s, bool):
        return False
    return period_s in SUB_MINUTE_PERIODS_S or (period_s > 0 and period_s % MINUTE_S == 0)


def rounded_start(start_s: float, period_s: int) -> int:
    """Start times are rounded down to the minute, or to the period where it is shorter."""
    grain_s = min(period_s, MINUTE_S)
    return int(start_s // grain_s) * grain_s


def in_periods(
    store: MetricStore,
    name: MetricName,
    unit: str | None,
    start_s: int,
    end_s: float,
    period_s: int,
) -> dict[str, dict[int, list[Distribution]]]:
    """Buckets by unit and by the start of their period, counted from ``start_s``, in order."""
    metric: Metric | None = store.find(name)
    found: dict[str, dict[int, list[Distribution]]] = {}
    for series in metric.series.values() if metric else ():
        if unit is not None and series.unit != unit:
            continue
        periods: dict[int, list[Distribution]] = {}
        for bucket_s, bucket in series.between(start_s, end_s):
            if bucket.count:
                period = bucket_s - (bucket_s - start_s) % period_s
                periods.setdefault(period, []).append(bucket)
        if periods:
            found[series.unit] = periods
    return found
