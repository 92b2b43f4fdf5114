"""Reading decisions from DynamoDB for the gateway: one by its id, or a run's, bucket by bucket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import orjson

from fraud_platform.stream.adapters.decision_table import DynamoDecisions
from fraud_platform.stream.adapters.dynamodb import Tables
from fraud_platform.stream.decision import BUCKETS, Decision, bucket_key

T = TypeVar("T")
_CURSOR = re.compile(r"(\d{1,2})\.(.{0,512})", re.DOTALL)
_THREADS = 4


class StreamReads:
    """Read access on threads of its own. Methods raise ``StoreError``."""

    def __init__(self, tables: Tables, table: str) -> None:
        self._tables = tables
        self._table = table
        self._decisions = DynamoDecisions(tables, table)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="reads")

    def is_cursor(self, text: str) -> bool:
        """Whether a run can be read on from here: 0, or a ``next_cursor``."""
        match = _CURSOR.fullmatch(text)
        return text == "0" or (match is not None and int(match[1]) < BUCKETS)

    async def page(self, run: str, cursor: str, limit: int) -> bytes:
        """One page of a run's decisions, as JSON: bucket by bucket, in the order of the ids."""
        return await self._do(lambda: self._page(run, cursor, limit))

    async def detail(self, transaction_id: str) -> tuple[bytes, bytes, str | None] | None:
        """Answer, votes and explanation of one decision."""
        found = (await self.recorded([transaction_id])).get(transaction_id)
        return None if found is None else (found.answer, found.votes, found.explanation)

    async def recorded(self, transaction_ids: Collection[str]) -> dict[str, Decision]:
        """Those of these ids that have a decision."""
        return await self._do(lambda: self._decisions.read(transaction_ids))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _page(self, run: str, cursor: str, limit: int) -> bytes:
        bucket, after = 0, ""
        match = _CURSOR.fullmatch(cursor)
        if match is not None:
            bucket, after = int(match[1]), match[2]
        rows: list[dict[str, Any]] = []
        while bucket < BUCKETS and len(rows) < limit:
            found, more = self._query(bucket_key(run, bucket), after, limit - len(rows))
            rows += found
            if more:
                after = more
            else:
                bucket, after = bucket + 1, ""
        following = None if bucket >= BUCKETS else f"{bucket}.{after}"
        return orjson.dumps(
            {"items": rows, "next_cursor": following, "complete": following is None}
        )

    def _query(self, key: str, after: str, limit: int) -> tuple[list[dict[str, Any]], str]:
        """Rows of a bucket and the id to go on after; empty at its end."""
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "run_bucket = :bucket",
            "ExpressionAttributeValues": {":bucket": {"S": key}},
            "ProjectionExpression": "transaction_id, decision, amount",
            "ConsistentRead": True,
            "Limit": limit,
        }
        if after:
            asked["ExclusiveStartKey"] = {
                "run_bucket": {"S": key},
                "transaction_id": {"S": after},
            }
        answer = self._tables.query(asked)
        rows = [
            {
                "transaction_id": item["transaction_id"]["S"],
                "decision": item["decision"]["S"],
                "amount": int(item["amount"]["N"]),
            }
            for item in answer["Items"]
        ]
        more = answer.get("LastEvaluatedKey")
        return rows, more["transaction_id"]["S"] if more else ""

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
