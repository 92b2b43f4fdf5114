"""ListMetrics: 500 a page, filtered by namespace, name and dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloud_twin.services.cloudwatch.parameters import invalid, required
from cloud_twin.services.cloudwatch.put_metric_data import PAST_LIMIT_S
from cloud_twin.services.cloudwatch.store import Metric, MetricName, MetricStore

PAGE = 500
FILTERS_LIMIT = 10
_RECENT_S = 3 * 3600


def list_metrics(store: MetricStore, parameters: Mapping[str, Any], now_s: float) -> dict[str, Any]:
    """Metrics with values in the last two weeks. Raises ``InvalidParameterValue``."""
    wanted = list(parameters.get("Dimensions") or ())
    if len(wanted) > FILTERS_LIMIT:
        raise invalid(
            f"The collection Dimensions must not have a size greater than {FILTERS_LIMIT}."
        )
    for number, each in enumerate(wanted, 1):
        required(each, "Name", f"Dimensions.member.{number}.")
    recent = parameters.get("RecentlyActive")
    if recent not in (None, "PT3H"):
        raise invalid(f"The value {recent} for parameter RecentlyActive is invalid.")
    since_s = now_s - (_RECENT_S if recent else PAST_LIMIT_S)
    found = [
        metric.name
        for metric in store.metrics()
        if metric.written_s >= since_s and _matches(metric, parameters, wanted)
    ]
    first = _position(parameters.get("NextToken"), len(found))
    answer: dict[str, Any] = {"Metrics": [_entry(name) for name in found[first : first + PAGE]]}
    if parameters.get("IncludeLinkedAccounts"):
        answer["OwningAccounts"] = []
    if first + PAGE < len(found):
        answer["NextToken"] = str(first + PAGE)
    return answer


def _matches(
    metric: Metric, parameters: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]]
) -> bool:
    name = metric.name
    if parameters.get("Namespace") not in (None, name.namespace):
        return False
    if parameters.get("MetricName") not in (None, name.name):
        return False
    own = dict(name.dimensions)
    return all(
        each["Name"] in own and each.get("Value") in (None, own[each["Name"]]) for each in wanted
    )


def _position(token: object, size: int) -> int:
    if token is None:
        return 0
    if isinstance(token, str) and token.isdecimal() and int(token) <= size:
        return int(token)
    raise invalid("Request parameter NextToken is invalid")


def _entry(name: MetricName) -> dict[str, Any]:
    return {
        "Namespace": name.namespace,
        "MetricName": name.name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in name.dimensions],
    }
