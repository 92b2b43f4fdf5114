"""The decisions of one run, read from the table bucket by bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fraud_platform.agents.explained import explained
from fraud_platform.stream.adapters.decision_table import read_item
from fraud_platform.stream.adapters.dynamodb import Item, Tables
from fraud_platform.stream.decision import BUCKETS, bucket_key

_PAGE = 5_000
_OUTCOME = "transaction_id, decision, amount"
_DETAILS = f"{_OUTCOME}, #record"


class RunLog:
    """Read access. Methods raise ``StoreError``."""

    def __init__(self, tables: Tables, table: str) -> None:
        self._tables = tables
        self._table = table

    def page(
        self, run: str, bucket: int, after: str, limit: int, details: bool = False
    ) -> tuple[list[dict[str, Any]], str]:
        """Rows of a bucket behind the id ``after``, and the id to go on after; empty at its end.

        ``details``: whole decisions, with explanations and when they arrived and were decided.
        """
        key = bucket_key(run, bucket)
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "run_bucket = :bucket",
            "ExpressionAttributeValues": {":bucket": {"S": key}},
            "ProjectionExpression": _DETAILS if details else _OUTCOME,
            "ConsistentRead": True,
            "Limit": limit,
        }
        if details:
            asked["ExpressionAttributeNames"] = {"#record": "record"}
        if after:
            asked["ExclusiveStartKey"] = {
                "run_bucket": {"S": key},
                "transaction_id": {"S": after},
            }
        answer = self._tables.query(asked)
        rows = [(_detailed if details else _outcome)(item) for item in answer["Items"]]
        more = answer.get("LastEvaluatedKey")
        return rows, more["transaction_id"]["S"] if more else ""

    def words(self, run: str) -> Iterator[tuple[str, str]]:
        """Id and decision of everything that is recorded of a run."""
        for bucket in range(BUCKETS):
            after = ""
            while True:
                rows, after = self.page(run, bucket, after, _PAGE)
                yield from ((row["transaction_id"], row["decision"]) for row in rows)
                if not after:
                    break


def _outcome(item: Item) -> dict[str, Any]:
    return {
        "transaction_id": item["transaction_id"]["S"],
        "decision": item["decision"]["S"],
        "amount": int(item["amount"]["N"]),
    }


def _detailed(item: Item) -> dict[str, Any]:
    d = read_item(item)
    return {
        **explained(d.answer, d.explanation),
        "amount": d.amount,
        "arrived_s": round(d.arrived_s, 4),
        "decided_s": round(d.decided_s, 4),
    }
