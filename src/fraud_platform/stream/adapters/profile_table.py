"""Customers' profiles in DynamoDB: one binary attribute and a version."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from fraud_platform.stream.adapters.dynamodb import Tables
from fraud_platform.stream.aws_wire import AwsCallError
from fraud_platform.stream.ports import ProfileRow

_CHUNK = 100
_TRIES = 50


class DynamoProfiles:
    """The port ``ProfileTable``."""

    def __init__(self, tables: Tables, name: str) -> None:
        self._tables = tables
        self._name = name

    def read(self, users: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        """See the port."""
        keys = [{"user_id": {"S": user}} for user in users]
        return {
            item["user_id"]["S"]: (int(item["version"]["N"]), b64decode(item["profile"]["B"]))
            for item in self._tables.batch_get(self._name, keys)
        }

    def write(self, rows: Sequence[ProfileRow]) -> list[str]:
        """See the port."""
        overtaken: list[str] = []
        for start in range(0, len(rows), _CHUNK):
            overtaken += self._write(list(rows[start : start + _CHUNK]))
        return overtaken

    def _write(self, left: list[ProfileRow]) -> list[str]:
        """Write as many as are still at their version; whose are not is told."""
        overtaken: list[str] = []
        for _ in range(_TRIES):
            if not left:
                return overtaken
            try:
                self._tables.wire.call(
                    "TransactWriteItems",
                    {
                        "TransactItems": [{"Put": self._put(row)} for row in left],
                        "ClientRequestToken": str(uuid4()),
                    },
                )
            except AwsCallError as error:
                reasons = error.body.get("CancellationReasons")
                if error.code != "TransactionCanceledException" or not isinstance(reasons, list):
                    raise
                again = []
                for row, reason in zip(left, reasons, strict=True):
                    if reason.get("Code") == "ConditionalCheckFailed":
                        overtaken.append(row.user)
                    else:
                        again.append(row)
                left = again
            else:
                return overtaken
        return [*overtaken, *(row.user for row in left)]

    def _put(self, row: ProfileRow) -> dict[str, Any]:
        put: dict[str, Any] = {
            "TableName": self._name,
            "Item": {
                "user_id": {"S": row.user},
                "version": {"N": str(row.version + 1)},
                "profile": {"B": b64encode(row.content).decode()},
            },
            "ConditionExpression": "attribute_not_exists(user_id)",
        }
        if row.version:
            put["ConditionExpression"] = "version = :before"
            put["ExpressionAttributeValues"] = {":before": {"N": str(row.version)}}
        return put
