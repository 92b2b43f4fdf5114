"""How many shards an on-demand stream has: enough for twice its highest traffic so far."""

from __future__ import annotations

import math

from cloud_twin.services.kinesis.limits import KinesisLimits


class Demand:
    """Measures a stream's traffic window by window.

    AWS: an on-demand stream accommodates up to double the peak write throughput observed in the
    last 30 days. The twin does not forget a peak, so a stream never shrinks.
    """

    __slots__ = ("_bytes", "_records", "_since_s")

    def __init__(self, now_s: float) -> None:
        self._since_s = now_s
        self._records = 0
        self._bytes = 0

    def note(
        self, records: int, size_bytes: int, now_s: float, limits: KinesisLimits
    ) -> int | None:
        """Count what was taken; at the end of a window, the shards its rate asks for."""
        lasted_s = now_s - self._since_s
        wanted = None
        if lasted_s >= limits.on_demand_window_s and lasted_s > 0:
            by_records = 2 * self._records / lasted_s / limits.records_per_shard_s
            by_bytes = 2 * self._bytes / lasted_s / limits.bytes_in_per_shard_s
            wanted = math.ceil(max(by_records, by_bytes))
            self._since_s = now_s
            self._records = 0
            self._bytes = 0
        self._records += records
        self._bytes += size_bytes
        return wanted
