"""A stand-in for a platform: reads transactions off a stream, puts decisions on another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from squall.models import AMOUNT_LIMIT

Decide = Callable[[dict[str, Any]], Sequence[dict[str, Any]]]
_PAUSE_S = 0.05


def decision(transaction: dict[str, Any], word: str = "APPROVE") -> dict[str, Any]:
    """A decision event as the reference platform writes it."""
    return {
        "transaction_id": transaction["transaction_id"],
        "decision": word,
        "risk_score": 0.25,
        "amount": transaction.get("amount"),
        "replay": False,
    }


class Idempotent:
    """One decision per id; whoever sends the id again gets the same, marked as a replay.

    Amounts that are no whole numbers of minor units, or too large, are refused.
    """

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}

    def __call__(self, transaction: dict[str, Any]) -> list[dict[str, Any]]:
        wire_id = transaction["transaction_id"]
        if wire_id in self.known:
            return [{**self.known[wire_id], "replay": True}]
        amount = transaction.get("amount")
        valid = isinstance(amount, int) and amount <= AMOUNT_LIMIT
        self.known[wire_id] = decision(transaction, "APPROVE" if valid else "REFUSED")
        return [self.known[wire_id]]


@dataclass
class StandIn:
    """Runs in a thread until closed. ``decide`` makes events out of what can be read as JSON."""

    client: Any
    source: str
    sink: str
    decide: Decide = field(default_factory=Idempotent)
    taken: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> StandIn:
        shards = self.client.list_shards(StreamName=self.source)["Shards"]
        iterators = {shard["ShardId"]: self._first(shard["ShardId"]) for shard in shards}
        self._thread = threading.Thread(target=self._work, args=(iterators,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(20)

    def _first(self, shard: str) -> str:
        answer = self.client.get_shard_iterator(
            StreamName=self.source, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )
        return str(answer["ShardIterator"])

    def _work(self, iterators: dict[str, str]) -> None:
        while not self._over.wait(_PAUSE_S):
            for shard, iterator in list(iterators.items()):
                answer = self.client.get_records(ShardIterator=iterator, Limit=2_000)
                self._take(answer["Records"])
                if answer.get("NextShardIterator"):
                    iterators[shard] = answer["NextShardIterator"]
                else:
                    del iterators[shard]
                    listed = self.client.list_shards(StreamName=self.source)["Shards"]
                    for child in listed:
                        if shard in (
                            child.get("ParentShardId"),
                            child.get("AdjacentParentShardId"),
                        ):
                            iterators.setdefault(child["ShardId"], self._first(child["ShardId"]))

    def _take(self, records: Sequence[dict[str, Any]]) -> None:
        events: list[dict[str, Any]] = []
        for record in records:
            self.taken += 1
            try:
                transaction = orjson.loads(record["Data"])
            except ValueError:
                continue
            if isinstance(transaction.get("transaction_id"), str):
                events += self.decide(transaction)
        for at in range(0, len(events), 400):
            entries = [
                {"Data": orjson.dumps(event), "PartitionKey": event["transaction_id"]}
                for event in events[at : at + 400]
            ]
            self.client.put_records(StreamName=self.sink, Records=entries)
