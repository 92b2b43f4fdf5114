"""Quotas of the stream service, with AWS's defaults, and the twin's own bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from cloud_twin.errors import TwinError

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class KinesisLimits:
    """Source of the defaults: "Quotas and limits" of the Kinesis Data Streams developer guide."""

    records_per_shard_s: float = 1000
    """Records a second into one shard; as many may come at once."""
    bytes_in_per_shard_s: float = MIB
    """Bytes a second into one shard: data and partition keys."""
    bytes_out_per_shard_s: float = 2 * MIB
    """Bytes a second out of one shard; what one GetRecords takes beyond it is owed."""
    reads_per_shard_s: float = 5
    """GetRecords calls a second on one shard."""
    records_per_put: float = 500
    bytes_per_put: float = 10 * MIB
    records_per_get: float = 10_000
    bytes_per_get: float = 10 * MIB
    iterator_s: float = 300
    """Life of a shard iterator."""
    next_token_s: float = 300
    """Life of a ListShards token."""
    shards_per_account: float = 20_000
    on_demand_streams_per_account: float = 50
    shard_count_updates_per_day: float = 10
    mode_changes_per_day: float = 2
    on_demand_shards: float = 4
    """Shards of a new on-demand stream."""
    on_demand_window_s: float = 60
    """Over how long an on-demand stream measures its traffic; AWS does not publish its own."""
    stream_change_s: float = 0.05
    """How long a stream is CREATING, UPDATING or DELETING. AWS takes tens of seconds."""
    retained_bytes_per_stream: float = 1024 * MIB
    """The twin's own bound on memory: beyond it the oldest records go, whatever their age."""

    def with_changes(self, changes: Mapping[str, float]) -> KinesisLimits:
        """A copy with new values. Raises ``TwinError`` for an unknown name or a bad value."""
        known = {f.name for f in fields(self)}
        for name, value in changes.items():
            if name not in known:
                names = ", ".join(sorted(known))
                raise TwinError(f"kinesis has no limit {name!r}; there are: {names}")
            if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
                raise TwinError(f"kinesis limit {name}: {value!r} is not a number")
            if value < 0 or (value < 1 and not name.endswith("_s")):
                raise TwinError(f"kinesis limit {name}: {value!r} is too small")
        return replace(self, **changes)

    def as_dict(self) -> dict[str, float]:
        """All values by name."""
        return asdict(self)
