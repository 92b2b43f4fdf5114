"""The audit trail: batches of lines in objects, each of which holds the hash of the one before.

A chain for every shard and environment: ``audit/{shard}.{environment}/{number}.jsonl``, numbered
from 1 without gaps. The first line of an object is its head, the rest are entries. A chain has one
writer, and an object is only ever created, never replaced, so a chain cannot fork. Changing,
removing or inserting anything breaks it; cutting off its end shows because environments publish
their heads with their figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import orjson

from fraud_platform.errors import StoreError
from fraud_platform.stream.decision import Outcome
from fraud_platform.stream.ports import AuditBucket

FOLDER = "audit"
FIRST = "0" * 64
"""What the first object of a chain holds for the hash of the one before."""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest object of a chain that is known; number 0 is none."""

    number: int = 0
    hash: str = FIRST


def object_key(chain: str, number: int) -> str:
    """Where an object of a chain is."""
    return f"{FOLDER}/{chain}/{number:012d}.jsonl"


def audit_line(outcome: Outcome) -> bytes:
    """One entry: what was decided, on what content, and whether it was a repeat or a conflict."""
    d = outcome.decision
    kind = "conflict" if outcome.conflict is not None else "replay" if outcome.replay else "decided"
    entry = {
        "kind": kind,
        "digest": d.digest.hex(),
        "user_id": d.user,
        "amount": d.amount,
        "currency": d.currency,
        "arrived_s": d.arrived_s,
        "decided_s": d.decided_s,
        "shard": d.shard,
        "sequence_number": str(d.sequence),
        "writer": d.writer,
        "explanation": d.explanation,
    }
    if outcome.conflict is not None:
        entry["conflicting_digest"] = outcome.conflict.hex()
    return d.answer[:-1] + b"," + orjson.dumps(entry)[1:]


def audit_object(
    chain: str, before: ChainHead, lines: Sequence[bytes], written_s: float, writer: str
) -> bytes:
    """The object that follows ``before``."""
    content = b"\n".join(lines)
    head = {
        "version": 1,
        "chain": chain,
        "number": before.number + 1,
        "previous": before.hash,
        "entries": len(lines),
        "content": sha256(content).hexdigest(),
        "written_s": written_s,
        "writer": writer,
    }
    return orjson.dumps(head) + b"\n" + content


class AuditTrail:
    """Appends to the chains of one environment, called ``writer``; no two have the same name."""

    def __init__(self, bucket: AuditBucket, writer: str) -> None:
        self._bucket = bucket
        self._writer = writer
        self._heads: dict[str, ChainHead] = {}

    @property
    def heads(self) -> dict[str, ChainHead]:
        """The newest object of each chain."""
        return dict(self._heads)

    def append(self, shard: str, outcomes: Sequence[Outcome], written_s: float) -> ChainHead:
        """Add one object with these outcomes; raises ``StoreError``."""
        chain = f"{shard}.{self._writer}"
        before = self._heads.get(chain, ChainHead())
        lines = [audit_line(outcome) for outcome in outcomes]
        content = audit_object(chain, before, lines, written_s, self._writer)
        head = ChainHead(before.number + 1, sha256(content).hexdigest())
        key = object_key(chain, head.number)
        # An attempt whose answer was lost may have stored it: then it is there, as it should be.
        if not self._bucket.put_new(key, content):
            found = self._bucket.get(key)
            if found is None or not _follows(found, before):
                raise StoreError(f"{key} is there and was not written by this environment")
            head = ChainHead(head.number, sha256(found).hexdigest())
            self._heads[chain] = head
            if found != content:  # an earlier batch's, given up before it was answered
                return self.append(shard, outcomes, written_s)
        self._heads[chain] = head
        return head


def _follows(content: bytes, before: ChainHead) -> bool:
    try:
        head = orjson.loads(content.partition(b"\n")[0])
        return bool(head["previous"] == before.hash and head["number"] == before.number + 1)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False
