"""Reading DynamoDB for the gateway: a decision, a run's decisions bucket by bucket, a customer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import orjson

from fraud_platform.stream.adapters.decision_table import DynamoDecisions
from fraud_platform.stream.adapters.dynamodb import Tables
from fraud_platform.stream.adapters.profile_table import DynamoProfiles
from fraud_platform.stream.customer_reads import CustomerReads
from fraud_platform.stream.decision import BUCKETS, Decision
from fraud_platform.stream.run_log import RunLog

T = TypeVar("T")
_CURSOR = re.compile(r"(\d{1,2})\.(.{0,512})", re.DOTALL)
_THREADS = 4


class StreamReads:
    """Read access on threads of its own. Methods raise ``StoreError``."""

    def __init__(self, tables: Tables, table: str, profile_table: str) -> None:
        self._log = RunLog(tables, table)
        self._decisions = DynamoDecisions(tables, table)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="reads")
        self._customers = CustomerReads(DynamoProfiles(tables, profile_table), self._threads)

    def is_cursor(self, text: str) -> bool:
        """Whether a run can be read on from here: 0, or a ``next_cursor``."""
        match = _CURSOR.fullmatch(text)
        return text == "0" or (match is not None and int(match[1]) < BUCKETS)

    async def page(self, run: str, cursor: str, limit: int, details: bool = False) -> bytes:
        """One page of a run's decisions, as JSON: bucket by bucket, in the order of the ids.

        ``details``: whole decisions with their times and explanations.
        """
        return await self._do(lambda: self._page(run, cursor, limit, details))

    async def detail(self, transaction_id: str) -> tuple[bytes, bytes, str | None] | None:
        """Answer, votes and explanation of one decision."""
        found = (await self.recorded([transaction_id])).get(transaction_id)
        return None if found is None else (found.answer, found.votes, found.explanation)

    async def customer(self, user: str) -> bytes | None:
        """What is remembered of a customer, as JSON."""
        return await self._customers.body(user)

    async def recorded(self, transaction_ids: Collection[str]) -> dict[str, Decision]:
        """Those of these ids that have a decision."""
        return await self._do(lambda: self._decisions.read(transaction_ids))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _page(self, run: str, cursor: str, limit: int, details: bool) -> bytes:
        bucket, after = 0, ""
        match = _CURSOR.fullmatch(cursor)
        if match is not None:
            bucket, after = int(match[1]), match[2]
        rows: list[dict[str, Any]] = []
        while bucket < BUCKETS and len(rows) < limit:
            found, more = self._log.page(run, bucket, after, limit - len(rows), details)
            rows += found
            if more:
                after = more
            else:
                bucket, after = bucket + 1, ""
        following = None if bucket >= BUCKETS else f"{bucket}.{after}"
        return orjson.dumps(
            {"items": rows, "next_cursor": following, "complete": following is None}
        )

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
