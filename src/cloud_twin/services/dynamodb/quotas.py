"""The quotas of the twin's DynamoDB: AWS's defaults, changeable while it runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from cloud_twin.errors import TwinError


@dataclass(frozen=True, slots=True)
class Quotas:
    """Units are capacity (request) units a second unless the name says otherwise.

    Source: "Quotas in Amazon DynamoDB", "On-demand capacity mode" and "Burst and adaptive
    capacity" of the developer guide.
    """

    on_demand_write_units_s: float = 4_000
    """What a new on-demand table takes; it grows to twice its earlier peak."""
    on_demand_read_units_s: float = 12_000
    on_demand_burst_s: float = 1
    """Seconds of unused on-demand throughput that are kept."""
    provisioned_burst_s: float = 300
    """Seconds of unused provisioned throughput that are kept."""
    table_write_units_s: float = 40_000
    """Per-table account quota."""
    table_read_units_s: float = 40_000
    account_write_units_s: float = 80_000
    """All provisioned tables and indexes together."""
    account_read_units_s: float = 80_000
    partition_limits: float = 0
    """1: each range of partition keys has its own limit, so that hot keys throttle; 0: off."""
    partition_write_units_s: float = 1_000
    partition_read_units_s: float = 3_000
    tables: float = 2_500
    table_creation_s: float = 0
    """How long a new table is CREATING."""
    ttl_delay_s: float = 0
    """How long an expired item stays before the sweep may take it (on AWS up to a few days)."""

    def changed(self, changes: Mapping[str, float]) -> Quotas:
        """With other values. Raises TwinError for an unknown name or an impossible value."""
        known = {field.name for field in fields(self)}
        problems = [
            f"unknown limit {name!r} of dynamodb; known are {', '.join(sorted(known))}"
            for name in changes
            if name not in known
        ]
        problems += [
            f"limit {name!r} of dynamodb must be a number of at least 0, not {value!r}"
            for name, value in changes.items()
            if name in known and not _possible(value)
        ]
        if problems:
            raise TwinError("; ".join(problems))
        return replace(self, **{name: float(value) for name, value in changes.items()})

    def as_dict(self) -> dict[str, float]:
        """By name."""
        return asdict(self)


def _possible(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value >= 0
    )
