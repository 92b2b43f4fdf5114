"""How many capacity units a table or index may use: provisioned, on demand, by key range."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

from cloud_twin.clock import Clock
from cloud_twin.errors import AwsError
from cloud_twin.services.dynamodb.keys import KEY_SPACE
from cloud_twin.services.dynamodb.quotas import Quotas
from cloud_twin.token_bucket import TokenBucket

GROWTH_MINUTES = 30
"""An on-demand table takes twice the peak that it had this long ago."""


class Direction(Enum):
    """Reading and writing have separate capacity."""

    READ = "Read"
    WRITE = "Write"


@dataclass(frozen=True, slots=True)
class Setting:
    """What was asked for. Provisioned: ``units_s``; on demand: ``warm_s`` and ``max_s``, if any."""

    provisioned: bool
    units_s: float = 0
    warm_s: float = 0
    max_s: float | None = None


@dataclass(frozen=True, slots=True)
class Throttle:
    """Why a request was throttled (``TableWriteKeyRangeThroughputExceeded``) and where (ARN)."""

    reason: str
    resource: str


class Throughput:
    """The capacity of one table or index in one direction.

    A bucket refills at the allowed rate and keeps unused units for the burst. A request passes
    where the bucket holds its units (or is full) and may leave it in debt, so that an item larger
    than the burst can be written at all and the rate still holds in the long run.
    """

    __slots__ = (
        "_arn",
        "_bucket",
        "_capped_by",
        "_clock",
        "_direction",
        "_minutes",
        "_partitions",
        "_peak_s",
        "_place",
        "_quotas",
        "_rate_s",
        "_setting",
    )

    def __init__(
        self,
        arn: str,
        place: str,
        direction: Direction,
        setting: Setting,
        quotas: Quotas,
        clock: Clock,
    ) -> None:
        self._arn = arn
        self._place = place  # "Table" or "Index"
        self._direction = direction
        self._clock = clock
        self._quotas = quotas
        self._setting = setting
        self._minutes: deque[list[float]] = deque()  # [minute, units]
        self._peak_s = 0.0
        self._partitions: dict[int, TokenBucket] = {}
        self._capped_by = ""
        self._rate_s = self._allowed_s()
        self._bucket = TokenBucket(self._rate_s, self._burst(), clock)
        self._bucket.owe(self._burst() - self._rate_s)  # nothing has been left unused yet

    @property
    def setting(self) -> Setting:
        """What was asked for."""
        return self._setting

    @property
    def rate_s(self) -> float:
        """Units a second that are allowed now."""
        return self._rate_s

    def change(self, setting: Setting, quotas: Quotas) -> None:
        """Other settings or quotas; what has been saved up stays, as far as it fits."""
        self._setting = setting
        self._quotas = quotas
        self._partitions.clear()
        self._refit()

    def refusal(self, units: float, key: bytes) -> Throttle | None:
        """Why ``units`` cannot be used for this key now; None if they can."""
        self._grow()
        if self._bucket.available() < min(units, self._burst()):
            return Throttle(self._reason(self._capped_by), self._arn)
        if self._quotas.partition_limits:
            bucket = self._partition(key)
            if bucket.available() < min(units, self._partition_units_s()):
                return Throttle(self._reason("KeyRangeThroughputExceeded"), self._arn)
        return None

    def spend(self, units: float, key: bytes) -> None:
        """Use units, whether they are there or not."""
        self._bucket.owe(units)
        if self._quotas.partition_limits:
            self._partition(key).owe(units)
        if not self._setting.provisioned:
            minute = self._clock.monotonic_s() // 60
            if self._minutes and self._minutes[-1][0] == minute:
                self._minutes[-1][1] += units
            else:
                self._minutes.append([minute, units])

    def _reason(self, limit: str) -> str:
        return f"{self._place}{self._direction.value}{limit}"

    def _allowed_s(self) -> float:
        setting, quotas = self._setting, self._quotas
        if setting.provisioned:
            self._capped_by = "ProvisionedThroughputExceeded"
            return setting.units_s
        writing = self._direction is Direction.WRITE
        first_s = quotas.on_demand_write_units_s if writing else quotas.on_demand_read_units_s
        account_s = quotas.table_write_units_s if writing else quotas.table_read_units_s
        # The table's partitions are what limits it until it has grown.
        allowed_s, self._capped_by = (
            max(first_s, setting.warm_s, 2 * self._peak_s),
            "KeyRangeThroughputExceeded",
        )
        if account_s < allowed_s:
            allowed_s, self._capped_by = account_s, "AccountLimitExceeded"
        if setting.max_s is not None and setting.max_s < allowed_s:
            allowed_s, self._capped_by = setting.max_s, "MaxOnDemandThroughputExceeded"
        return allowed_s

    def _burst(self) -> float:
        quotas = self._quotas
        provisioned = self._setting.provisioned
        burst_s = quotas.provisioned_burst_s if provisioned else quotas.on_demand_burst_s
        return max(self._rate_s * burst_s, self._rate_s)

    def _refit(self) -> None:
        level = self._bucket.available()
        self._rate_s = self._allowed_s()
        self._bucket = TokenBucket(self._rate_s, self._burst(), self._clock)
        self._bucket.owe(self._burst() - min(level, self._burst()))

    def _grow(self) -> None:
        if not self._minutes:
            return
        known_before = self._clock.monotonic_s() // 60 - GROWTH_MINUTES
        peak_s = self._peak_s
        while self._minutes and self._minutes[0][0] < known_before:
            peak_s = max(peak_s, self._minutes.popleft()[1] / 60)
        if peak_s > self._peak_s:
            self._peak_s = peak_s
            self._refit()

    def _partition_units_s(self) -> float:
        if self._direction is Direction.WRITE:
            return self._quotas.partition_write_units_s
        return self._quotas.partition_read_units_s

    def _partition(self, key: bytes) -> TokenBucket:
        units_s = self._partition_units_s()
        count = max(1, -int(-self._rate_s // units_s)) if units_s else 1
        number = int.from_bytes(key[:4], "big") * count // KEY_SPACE
        bucket = self._partitions.get(number)
        if bucket is None:
            bucket = self._partitions[number] = TokenBucket(units_s, units_s, self._clock)
        return bucket


def throttled(causes: list[Throttle], provisioned: bool) -> AwsError:
    """The error for a request that was throttled, by what throttled it.

    Source: "Error handling with DynamoDB" and "Diagnosing throttling" of the developer guide.
    """
    reasons = [
        {"reason": cause.reason, "resource": cause.resource} for cause in dict.fromkeys(causes)
    ]
    first = causes[0].reason
    if first.endswith("AccountLimitExceeded"):
        return AwsError(
            "RequestLimitExceeded",
            "Throughput exceeds the current throughput limit for your account. Please contact AWS "
            "Support at https://aws.amazon.com/support request a limit increase.",
            fields={"ThrottlingReasons": reasons},
        )
    if first.endswith("MaxOnDemandThroughputExceeded"):
        return AwsError(
            "ThrottlingException",
            "Throughput exceeds the maximum OnDemandThroughput configured on table or index.",
            fields={"throttlingReasons": reasons},
        )
    if not provisioned:
        return AwsError(
            "ThrottlingException",
            "Throughput exceeds the current capacity of your table or index. DynamoDB is "
            "automatically scaling your table or index so please try again shortly. If exceptions "
            "persist, check if you have a hot key: https://docs.aws.amazon.com/amazondynamodb/"
            "latest/developerguide/bp-partition-key-design.html",
            fields={"throttlingReasons": reasons},
        )
    return AwsError(
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for "
        + (
            "the table was exceeded. Consider increasing your provisioning level with the "
            "UpdateTable API."
            if first.startswith("Table")
            else "one or more global secondary indexes of the table was exceeded. Consider "
            "increasing your provisioning level for the under-provisioned global secondary "
            "indexes with the UpdateTable API"
        ),
        fields={"ThrottlingReasons": reasons},
    )
