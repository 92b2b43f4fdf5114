"""A table as DescribeTable tells it."""

from __future__ import annotations

from typing import Any

from cloud_twin.services.dynamodb.index import Index, Projection
from cloud_twin.services.dynamodb.keys import KeySchema
from cloud_twin.services.dynamodb.table import Table


def describe(table: Table, status: str) -> dict[str, Any]:
    """``TableDescription``. Item count and size are exact and current (on AWS: hours old)."""
    answer: dict[str, Any] = {
        "TableName": table.name,
        "TableStatus": status,
        "TableArn": table.arn,
        "TableId": table.table_id,
        "AttributeDefinitions": table.definitions,
        "KeySchema": _key_schema(table.schema),
        "CreationDateTime": table.created_wall_s,
        "ItemCount": len(table.items),
        "TableSizeBytes": table.size_bytes,
        "ProvisionedThroughput": _provisioned(table, table),
        "DeletionProtectionEnabled": table.deletion_protected,
        "TableClassSummary": {"TableClass": table.table_class},
        "WarmThroughput": _warm(table, status),
    }
    if table.on_demand_since_wall_s is not None:
        answer["BillingModeSummary"] = {
            "BillingMode": "PROVISIONED" if table.provisioned else "PAY_PER_REQUEST",
            "LastUpdateToPayPerRequestDateTime": table.on_demand_since_wall_s,
        }
    highest = _on_demand_throughput(table)
    if highest:
        answer["OnDemandThroughput"] = highest
    if table.indexes:
        answer["GlobalSecondaryIndexes"] = [
            _describe_index(table, index, status) for index in table.indexes.values()
        ]
    return answer


def _describe_index(table: Table, index: Index, table_status: str) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.projection.value}
    if index.projection is Projection.INCLUDE:
        projection["NonKeyAttributes"] = list(index.included)
    creating = "CREATING" in (table_status, index.status)
    answer: dict[str, Any] = {
        "IndexName": index.name,
        "IndexArn": index.arn,
        "IndexStatus": "CREATING" if creating else index.status,
        "KeySchema": _key_schema(index.schema),
        "Projection": projection,
        "ItemCount": len(index.entries),
        "IndexSizeBytes": index.size_bytes,
        "ProvisionedThroughput": _provisioned(table, index),
        "WarmThroughput": _warm(index, "ACTIVE"),
    }
    if index.status == "CREATING":
        answer["Backfilling"] = True
    highest = _on_demand_throughput(index)
    if highest:
        answer["OnDemandThroughput"] = highest
    return answer


def _key_schema(schema: KeySchema) -> list[dict[str, str]]:
    return [
        {"AttributeName": attribute.name, "KeyType": word}
        for attribute, word in zip(schema.attributes, ("HASH", "RANGE"), strict=False)
    ]


def _provisioned(table: Table, holder: Table | Index) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "NumberOfDecreasesToday": table.decreases,
        "ReadCapacityUnits": int(holder.read.setting.units_s),
        "WriteCapacityUnits": int(holder.write.setting.units_s),
    }
    if table.changed_wall_s is not None:
        word = "Decrease" if table.decreases else "Increase"
        answer[f"Last{word}DateTime"] = table.changed_wall_s
    return answer


def _warm(holder: Table | Index, status: str) -> dict[str, Any]:
    return {
        "ReadUnitsPerSecond": int(holder.read.rate_s),
        "WriteUnitsPerSecond": int(holder.write.rate_s),
        "Status": status if status in ("CREATING", "UPDATING", "DELETING") else "ACTIVE",
    }


def _on_demand_throughput(holder: Table | Index) -> dict[str, int]:
    read, write = holder.read.setting.max_s, holder.write.setting.max_s
    if read is None and write is None:
        return {}
    return {
        "MaxReadRequestUnits": -1 if read is None else int(read),
        "MaxWriteRequestUnits": -1 if write is None else int(write),
    }
