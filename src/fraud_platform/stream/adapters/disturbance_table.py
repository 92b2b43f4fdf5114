"""Disturbances of agents in the coordination table: gateways write them, functions read them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from fraud_platform.stream.adapters.dynamodb import Tables
from fraud_platform.stream.aws_wire import AwsCallError

_KIND = "disturbance"
_KEPT_S = 3_600
"""How long an item outlives its lease; then DynamoDB may remove it."""


class StoredLease(NamedTuple):
    """A disturbance and how long it lasts from now."""

    what: Mapping[str, Any]
    left_s: float


class DynamoDisturbances:
    """Methods raise ``StoreError``. Times are of the machines' wall clocks, which must agree."""

    def __init__(
        self, tables: Tables, table: str, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._tables = tables
        self._table = table
        self._wall_clock = wall_clock

    def put(self, name: str, what: Mapping[str, Any], lease_s: float) -> None:
        """Put one in force."""
        item = {**_key(name), "disturbance": {"S": orjson.dumps(what).decode()}}
        item |= self._until(lease_s)
        self._tables.wire.call("PutItem", {"TableName": self._table, "Item": item})

    def renew(self, name: str, lease_s: float) -> StoredLease | None:
        """Let one last so long from now; None where it has ended."""
        until = self._until(lease_s)
        try:
            answer = self._tables.wire.call(
                "UpdateItem",
                {
                    "TableName": self._table,
                    "Key": _key(name),
                    "UpdateExpression": "SET until_s = :until, expires_s = :expires",
                    "ConditionExpression": "until_s > :now",
                    "ExpressionAttributeValues": {
                        ":until": until["until_s"],
                        ":expires": until["expires_s"],
                        ":now": {"N": f"{self._wall_clock():.3f}"},
                    },
                    "ReturnValues": "ALL_NEW",
                },
            )
        except AwsCallError as error:
            if error.code == "ConditionalCheckFailedException":
                return None
            raise
        return StoredLease(_what(answer["Attributes"]), lease_s)

    def remove(self, name: str) -> bool:
        """End one; False where it has ended."""
        answer = self._tables.wire.call(
            "DeleteItem",
            {"TableName": self._table, "Key": _key(name), "ReturnValues": "ALL_OLD"},
        )
        old = answer.get("Attributes")
        return old is not None and self._left_s(old) > 0

    def in_force(self) -> dict[str, StoredLease]:
        """All whose lease is not over, by name."""
        answer = self._tables.query(
            {
                "TableName": self._table,
                "ConsistentRead": True,
                "KeyConditionExpression": "#k = :k",
                "ExpressionAttributeNames": {"#k": "kind"},
                "ExpressionAttributeValues": {":k": {"S": _KIND}},
            }
        )
        found = {
            item["name"]["S"]: StoredLease(_what(item), self._left_s(item))
            for item in answer["Items"]
        }
        return {name: lease for name, lease in found.items() if lease.left_s > 0}

    def _until(self, lease_s: float) -> dict[str, Any]:
        until_s = self._wall_clock() + lease_s
        return {
            "until_s": {"N": f"{until_s:.3f}"},
            "expires_s": {"N": str(int(until_s) + _KEPT_S)},
        }

    def _left_s(self, item: Mapping[str, Any]) -> float:
        return float(item["until_s"]["N"]) - self._wall_clock()


def _key(name: str) -> dict[str, Any]:
    return {"kind": {"S": _KIND}, "name": {"S": name}}


def _what(item: Mapping[str, Any]) -> Mapping[str, Any]:
    what: Mapping[str, Any] = orjson.loads(item["disturbance"]["S"])
    return what
