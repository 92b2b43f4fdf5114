"""CloudWatch's view of the load: what other writers put is in it, and what they were refused."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from fraud_platform.stream.names import ResourceNames
from fraud_platform.stream.session import AwsSession

log = logging.getLogger(__name__)

_PERIOD_S = 60
_BACK_S = 180.0
"""How far back is read: figures come a minute or two late on AWS."""
_RATE_OVER_S = 10.0
"""A minute that is not over says something from here on."""
Minutes = Sequence[tuple[float, float]]
"""Begin (Unix seconds) and value of a metric's minutes, newest first."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The newest minute, per second."""

    records_s: float = 0.0
    bytes_s: float = 0.0
    decisions_s: float = 0.0
    iterator_age_s: float = 0.0
    throttled: bool = False
    """Records were refused since the last look."""
    decisions_throttled: bool = False


class LoadWatch:
    """Reads a handful of metrics whenever it is asked to."""

    def __init__(
        self, session: AwsSession, names: ResourceNames, wall_clock: Callable[[], float]
    ) -> None:
        self._client = session.client("cloudwatch", timeout_s=10.0)
        self._wall_clock = wall_clock
        self._began_s = wall_clock()
        self._refused: dict[str, dict[float, float]] = {}
        transactions = ("AWS/Kinesis", {"StreamName": names.transactions})
        decisions = ("AWS/Kinesis", {"StreamName": names.decisions})
        function = ("AWS/Lambda", {"FunctionName": names.function})
        self._queries = [
            _query("records", *transactions, "IncomingRecords", "Sum"),
            _query("bytes", *transactions, "IncomingBytes", "Sum"),
            _query("refused", *transactions, "WriteProvisionedThroughputExceeded", "Sum"),
            _query("decisions", *decisions, "IncomingRecords", "Sum"),
            _query("decisions_refused", *decisions, "WriteProvisionedThroughputExceeded", "Sum"),
            _query("age", *function, "IteratorAge", "Maximum"),
        ]

    def look(self) -> Watched:
        """The newest figures; zeros where CloudWatch cannot be asked."""
        now_s = self._wall_clock()
        since_s = max(self._began_s, now_s - _BACK_S)
        try:
            answer = self._client.get_metric_data(
                MetricDataQueries=self._queries,
                StartTime=datetime.fromtimestamp(since_s // _PERIOD_S * _PERIOD_S, UTC),
                EndTime=datetime.fromtimestamp(now_s, UTC),
                ScanBy="TimestampDescending",
            )
        except (BotoCoreError, ClientError, OSError) as error:
            log.info("scaling goes by the platform's own figures; CloudWatch says: %s", error)
            return Watched()
        found: dict[str, Minutes] = {
            result["Id"]: [
                (at.timestamp(), float(value))
                for at, value in zip(result["Timestamps"], result["Values"], strict=True)
            ]
            for result in answer["MetricDataResults"]
        }
        age = found.get("age") or [(0.0, 0.0)]
        return Watched(
            records_s=rate_of(found.get("records", ()), now_s),
            bytes_s=rate_of(found.get("bytes", ()), now_s),
            decisions_s=rate_of(found.get("decisions", ()), now_s),
            iterator_age_s=age[0][1] / 1000.0,
            throttled=self._more("refused", found, now_s),
            decisions_throttled=self._more("decisions_refused", found, now_s),
        )

    def _more(self, name: str, found: Mapping[str, Minutes], now_s: float) -> bool:
        """Whether more was counted than at the last look."""
        minutes, seen = found.get(name, ()), self._refused.setdefault(name, {})
        more = any(value > seen.get(at_s, 0.0) for at_s, value in minutes)
        seen.update(minutes)
        for at_s in [at_s for at_s in seen if at_s < now_s - 2 * _BACK_S]:
            del seen[at_s]
        return more


def rate_of(minutes: Minutes, now_s: float) -> float:
    """Per second, of the newest minute that says something: of a running one, so far."""
    for at_s, value in minutes:
        lasted_s = min(now_s - at_s, float(_PERIOD_S))
        if lasted_s >= _RATE_OVER_S:
            return value / lasted_s
    return 0.0


def _query(
    name: str, namespace: str, dimensions: Mapping[str, str], metric: str, statistic: str
) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": metric,
                "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
            },
            "Period": _PERIOD_S,
            "Stat": statistic,
        },
    }
