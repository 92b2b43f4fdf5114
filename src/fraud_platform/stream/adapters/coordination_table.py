"""Owners of territories and figures of environments: one small table in DynamoDB."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import orjson

from fraud_platform.stream.adapters.dynamodb import Tables
from fraud_platform.stream.aws_wire import AwsCallError
from fraud_platform.stream.names import EXPIRY
from fraud_platform.stream.ports import Owner

FIGURES_KEPT_S = 7 * 86_400
_OWNER = "owner"


def _key(kind: str, name: str) -> dict[str, Any]:
    return {"kind": {"S": kind}, "name": {"S": name}}


class DynamoOwners:
    """The port ``OwnerTable``."""

    def __init__(self, tables: Tables, table: str) -> None:
        self._tables = tables
        self._table = table

    def read(self, territories: Collection[str]) -> dict[str, Owner]:
        """See the port."""
        keys = [_key(_OWNER, territory) for territory in sorted(territories)]
        return {
            item["name"]["S"]: Owner(item["owner"]["S"], int(item["epoch"]["N"]))
            for item in self._tables.batch_get(self._table, keys)
        }

    def take(self, territory: str, name: str, before: Owner | None) -> bool:
        """See the port."""
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": {
                **_key(_OWNER, territory),
                "owner": {"S": name},
                "epoch": {"N": str((before.epoch if before else 0) + 1)},
            },
            "ConditionExpression": "attribute_not_exists(epoch)",
        }
        if before is not None:
            put["ConditionExpression"] = "epoch = :before"
            put["ExpressionAttributeValues"] = {":before": {"N": str(before.epoch)}}
        try:
            self._tables.wire.call("PutItem", put)
        except AwsCallError as error:
            if error.code == "ConditionalCheckFailedException":
                return False
            raise
        return True


class DynamoBoard:
    """The port ``FigureBoard``, and its reading end. ``kind`` tells boards apart."""

    def __init__(
        self,
        tables: Tables,
        table: str,
        kind: str = "figures",
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._tables = tables
        self._table = table
        self._kind = kind
        self._wall_clock = wall_clock

    def publish(self, environment: str, figures: Mapping[str, Any]) -> None:
        """See the port."""
        now_s = self._wall_clock()
        content = orjson.dumps(figures, option=orjson.OPT_NON_STR_KEYS)
        item = {
            **_key(self._kind, environment),
            "figures": {"S": content.decode()},
            "published_s": {"N": f"{now_s:.3f}"},
            EXPIRY: {"N": str(int(now_s) + FIGURES_KEPT_S)},
        }
        self._tables.wire.call("PutItem", {"TableName": self._table, "Item": item})

    def read(self) -> dict[str, dict[str, Any]]:
        """Figures by environment, as last published, with ``published_s``."""
        found: dict[str, dict[str, Any]] = {}
        start: Any = None
        while True:
            parameters = {
                "TableName": self._table,
                "KeyConditionExpression": "#k = :k",
                "ExpressionAttributeNames": {"#k": "kind"},
                "ExpressionAttributeValues": {":k": {"S": self._kind}},
            }
            if start:
                parameters["ExclusiveStartKey"] = start
            answer = self._tables.query(parameters)
            for item in answer["Items"]:
                figures = orjson.loads(item["figures"]["S"])
                figures["published_s"] = float(item["published_s"]["N"])
                found[item["name"]["S"]] = figures
            start = answer.get("LastEvaluatedKey")
            if not start:
                return found
