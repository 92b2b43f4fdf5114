"""UpdateTimeToLive and DescribeTimeToLive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloud_twin.services.dynamodb import rows
from cloud_twin.services.dynamodb.database import Request
from cloud_twin.services.dynamodb.errors import validation
from cloud_twin.services.dynamodb.expiry import Expiry
from cloud_twin.services.dynamodb.parameters import mapping
from cloud_twin.services.dynamodb.table import Table

BACKFILL_ROWS = 50


def update_time_to_live(request: Request) -> dict[str, Any]:
    """Enable or disable; the times of items that are there are read in the background."""
    database = request.database
    table = database.described(request.parameters)
    asked = mapping(request.parameters, "TimeToLiveSpecification")
    name = asked.get("AttributeName")
    if type(name) is not str or not 1 <= len(name) <= 255:
        raise validation(
            "TimeToLiveSpecification.AttributeName must be a name of 1 to 255 characters"
        )
    enabled = asked.get("Enabled") is True
    expiry = table.expiry
    if enabled and expiry is not None:
        raise validation("TimeToLive is already enabled")
    if not enabled and expiry is None:
        raise validation("TimeToLive is already disabled")
    if not enabled and expiry is not None:
        if expiry.attribute != name:
            raise validation(
                f"TimeToLive is active on a different AttributeName: current AttributeName is "
                f"{expiry.attribute}"
            )
        table.expiry = None
    else:
        table.expiry = Expiry(name)
        database.backfills.append((table, _backfill(table, table.expiry)))
    return {"TimeToLiveSpecification": {"AttributeName": name, "Enabled": enabled}}


def _backfill(table: Table, expiry: Expiry) -> Iterator[None]:
    for part in table.walk(BACKFILL_ROWS):
        if table.expiry is not expiry:
            return
        for key, row in part:
            expiry.moved(key, None, rows.item_of(row))
        yield


def describe_time_to_live(request: Request) -> dict[str, Any]:
    """Whether items expire, and by which attribute."""
    table = request.database.described(request.parameters)
    if table.expiry is None:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    return {
        "TimeToLiveDescription": {
            "TimeToLiveStatus": "ENABLED",
            "AttributeName": table.expiry.attribute,
        }
    }
