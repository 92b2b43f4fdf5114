"""DynamoDB, as the platform's tables use it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fraud_platform.stream.aws_wire import AwsJson
from fraud_platform.stream.backoff import Backoff, Patience, Waiter
from fraud_platform.stream.session import AwsSession

BATCH_GET = 100
"""Most keys in one BatchGetItem."""
BUSY = frozenset(
    {
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
    }
)
"""Reasons of a cancelled transaction that pass: it is tried again, more slowly."""
Item = dict[str, Any]


class Tables:
    """Calls to DynamoDB. Threads may share it; methods raise ``StoreError``."""

    def __init__(
        self,
        session: AwsSession,
        patience: Patience,
        backoff: Backoff | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._backoff = backoff or Backoff()
        self.wire = AwsJson(
            session, "dynamodb", "DynamoDB_20120810", "1.0", patience, self._backoff, sleep=sleep
        )
        self._patience = patience
        self._sleep = sleep
        self._chance = random.Random()

    def batch_get(
        self, table: str, keys: Sequence[Mapping[str, Any]], projection: str | None = None
    ) -> list[Item]:
        """The items of these keys that exist, as the latest write left them."""
        items: list[Item] = []
        waiter = self.waiter()
        for start in range(0, len(keys), BATCH_GET):
            asked: dict[str, Any] = {
                "Keys": keys[start : start + BATCH_GET],
                "ConsistentRead": True,
            }
            if projection is not None:
                asked["ProjectionExpression"] = projection
            failures = 0
            while asked:
                answer = self.wire.call("BatchGetItem", {"RequestItems": {table: asked}})
                items += answer["Responses"].get(table, ())
                asked = answer.get("UnprocessedKeys", {}).get(table, {})
                if asked:
                    failures += 1
                    waiter.wait(failures, f"table {table} has no capacity left")
        return items

    def query(self, parameters: Mapping[str, Any]) -> Any:
        """One page of a query."""
        return self.wire.call("Query", parameters)

    def waiter(self) -> Waiter:
        """For the attempts of one piece of work that begins now."""
        return Waiter(self._patience.begin(), self._chance, self._backoff, self._sleep)
