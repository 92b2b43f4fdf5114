"""Customers' profiles in DynamoDB: one binary attribute and a version."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from fraud_platform.stream.adapters.dynamodb import BUSY, Tables
from fraud_platform.stream.aws_wire import AwsCallError
from fraud_platform.stream.ports import ProfileRow

_OVERTAKEN = "ConditionalCheckFailed"
_KNOWN = BUSY | {_OVERTAKEN, "None"}


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
        """See the port. What is refused for lack of capacity, or by another writer, waits."""
        overtaken: list[str] = []
        left, failures, waiter = list(rows), 0, self._tables.waiter()
        while left:
            reasons = self._attempt(left)
            if reasons is None:
                break
            again = []
            for row, reason in zip(left, reasons, strict=True):
                if reason == _OVERTAKEN:
                    overtaken.append(row.user)
                else:
                    again.append(row)
            left = again
            if any(reason in BUSY for reason in reasons):
                failures += 1
                waiter.wait(failures, f"table {self._name} takes no profiles")
        return overtaken

    def _attempt(self, rows: Sequence[ProfileRow]) -> list[str] | None:
        """Write all of them or none; None, or why not: a code for each."""
        try:
            self._tables.wire.call(
                "TransactWriteItems",
                {
                    "TransactItems": [{"Put": self._put(row)} for row in rows],
                    "ClientRequestToken": str(uuid4()),
                },
            )
        except AwsCallError as error:
            reasons = error.body.get("CancellationReasons")
            if error.code != "TransactionCanceledException" or not isinstance(reasons, list):
                raise
            codes = [str(reason.get("Code", "None")) for reason in reasons]
            known = all(code in _KNOWN for code in codes) and set(codes) != {"None"}
            if len(codes) != len(rows) or not known:
                raise  # such a cancellation does not pass
            return codes
        return None

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
