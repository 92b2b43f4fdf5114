"""Quotas of the queue service, with AWS's defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from cloud_twin.errors import TwinError


@dataclass(frozen=True, slots=True)
class SqsLimits:
    """Source of the defaults: "Amazon SQS message quotas" and the API reference."""

    message_bytes: float = 1024 * 1024
    """Largest message: body and attributes."""
    batch_bytes: float = 1024 * 1024
    """Largest SendMessageBatch: all its messages together."""
    batch_entries: float = 10
    in_flight_per_queue: float = 120_000
    purge_interval_s: float = 60
    """Between two PurgeQueue calls on one queue."""
    name_reuse_s: float = 60
    """How long the name of a deleted queue cannot be used again."""
    move_messages_s: float = 500
    """Messages a second that a move task may ask for, and that it gets if it does not ask."""
    requests_s: float = 1_000_000
    """Calls a second on one queue; AWS has "nearly unlimited" for standard queues."""

    def with_changes(self, changes: Mapping[str, float]) -> SqsLimits:
        """A copy with new values. Raises ``TwinError`` for an unknown name or a bad value."""
        known = {f.name for f in fields(self)}
        for name, value in changes.items():
            if name not in known:
                names = ", ".join(sorted(known))
                raise TwinError(f"sqs has no limit {name!r}; there are: {names}")
            if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
                raise TwinError(f"sqs limit {name}: {value!r} is not a number")
            if value < 0:
                raise TwinError(f"sqs limit {name}: {value!r} is negative")
        return replace(self, **changes)

    def as_dict(self) -> dict[str, float]:
        """All values by name."""
        return asdict(self)
