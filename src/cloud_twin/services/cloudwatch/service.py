"""CloudWatch: metrics that services emit and that callers put, and how they are read.

Alarms, dashboards and everything else are not served here (``operations`` lists what is).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloud_twin.clock import Clock
from cloud_twin.errors import AwsError, TwinError
from cloud_twin.meter import Meter
from cloud_twin.service import Answer, Call, Dimensions, Protocols, Route
from cloud_twin.services.cloudwatch.get_metric_data import get_metric_data, queries_of
from cloud_twin.services.cloudwatch.get_metric_statistics import get_metric_statistics
from cloud_twin.services.cloudwatch.list_metrics import list_metrics
from cloud_twin.services.cloudwatch.put_metric_data import check_size, put_metric_data
from cloud_twin.services.cloudwatch.store import MINUTE_S, MetricStore

OPERATIONS = frozenset({"PutMetricData", "GetMetricData", "GetMetricStatistics", "ListMetrics"})


class CloudWatch:
    """The twin's CloudWatch, and the sink that its services emit to.

    Limit ``resolution_s``: width of the buckets of emitted metrics, 60 as on AWS, or 1.
    """

    name = "cloudwatch"
    signing_names = ("monitoring",)
    protocol = Protocols.MODELLED
    target_prefix = "GraniteServiceVersion20100801"
    error_namespace = ""
    routes: Sequence[Route] = ()
    operations = OPERATIONS
    served = OPERATIONS

    def __init__(self, clock: Clock, meter: Meter) -> None:
        self._clock = clock
        self._meter = meter
        self._store = MetricStore()
        self._resolution_s = MINUTE_S

    # --- MetricSink -------------------------------------------------------------------------

    def put(
        self, namespace: str, name: str, dimensions: Dimensions, value: float, unit: str = "Count"
    ) -> None:
        """One value now."""
        now_s = self._clock.wall_s()
        bucket_s = int(now_s) // self._resolution_s * self._resolution_s
        self._store.add((namespace, name, dimensions, unit), bucket_s, now_s, value)

    def put_counts(
        self,
        namespace: str,
        name: str,
        dimensions: Dimensions,
        value: float,
        count: float,
        unit: str = "Count",
    ) -> None:
        """The same value ``count`` times; nothing for a count of zero."""
        if count > 0:
            now_s = self._clock.wall_s()
            bucket_s = int(now_s) // self._resolution_s * self._resolution_s
            self._store.add((namespace, name, dimensions, unit), bucket_s, now_s, value, count)

    # --- Service ----------------------------------------------------------------------------

    def handle(self, call: Call) -> Answer:
        """Carry out one call. Raises ``AwsError``."""
        parameters = call.parameters
        match call.operation:
            case "PutMetricData":
                check_size(call.body)
                return self._put_metric_data(parameters)
            case "GetMetricData":
                return self._get_metric_data(parameters)
            case "GetMetricStatistics":
                return Answer(get_metric_statistics(self._store, parameters))
            case "ListMetrics":
                return Answer(list_metrics(self._store, parameters, self._clock.wall_s()))
        raise AwsError("InvalidAction", f"Could not find operation {call.operation}")

    def _put_metric_data(self, parameters: Mapping[str, Any]) -> Answer:
        metrics = put_metric_data(self._store, parameters, self._clock.wall_s())
        self._meter.add("cloudwatch", "metrics_put", str(parameters["Namespace"]), metrics)
        return Answer({})

    def _get_metric_data(self, parameters: Mapping[str, Any]) -> Answer:
        queries = queries_of(parameters)
        answer = get_metric_data(self._store, parameters, queries)
        for query in queries:
            if query.metric is not None:
                namespace = query.metric.name.namespace
                self._meter.add("cloudwatch", "metrics_requested", namespace, 1)
        return Answer(answer)

    def limits(self) -> dict[str, float]:
        """``resolution_s``."""
        return {"resolution_s": float(self._resolution_s)}

    def set_limits(self, changes: Mapping[str, float]) -> None:
        """Change the resolution. Raises ``TwinError`` for anything but 1 and 60 seconds."""
        for name, value in changes.items():
            if name != "resolution_s":
                raise TwinError(f"cloudwatch has no limit {name!r}; it has resolution_s")
            if value not in (1, MINUTE_S):
                raise TwinError(f"cloudwatch: resolution_s must be 1 or {MINUTE_S}, not {value:g}")
        if "resolution_s" in changes:
            self._resolution_s = int(changes["resolution_s"])

    async def reset(self) -> None:
        """Forget all metrics; back to a resolution of 60 seconds."""
        self._store = MetricStore()
        self._resolution_s = MINUTE_S

    async def close(self) -> None:
        """Nothing to end."""
