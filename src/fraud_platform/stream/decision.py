"""One decision as the table keeps it and as the decision stream carries it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from fraud_platform.store.records import Record
from fraud_platform.stream.envelope import Invalid
from fraud_platform.wire.answers import error_body
from fraud_platform.wire.transaction import Transaction, run_of
from fraud_platform.wire.validation import Problem

BUCKETS = 16
"""Parts that each run's decisions are spread over, so that no key of the table is hot."""
REFUSED = "REFUSED"
"""What is recorded of a transaction that was taken in but cannot be decided."""


class Decision(NamedTuple):
    """Everything that is recorded of one transaction. Times are Unix seconds."""

    transaction_id: str
    decision: str
    amount: int
    currency: str
    type: int
    user: str
    original: str | None
    digest: bytes
    answer: bytes
    votes: bytes
    explanation: str | None
    event_s: float
    arrived_s: float
    decided_s: float
    shard: str
    sequence: int
    writer: str
    """The environment and batch that decided: how a writer knows its own after a lost answer."""
    refunded: int = 0
    """Minor units that refunds have used up; only as read from the table."""


class Origin(NamedTuple):
    """Where a transaction was read."""

    arrived_s: float
    shard: str
    sequence: int


class Outcome(NamedTuple):
    """What came of one transaction: the one recorded decision on its id."""

    decision: Decision
    replay: bool = False
    """It had been recorded before."""
    conflict: bytes | None = None
    """Digest of the transaction that came under the same id with another content."""


def run_bucket(transaction_id: str) -> str:
    """The partition key of a transaction's item."""
    return bucket_key(run_of(transaction_id), bucket_of(transaction_id))


def bucket_of(transaction_id: str) -> int:
    """Which of its run's buckets an id is in."""
    return crc32(transaction_id.encode("utf-8", "surrogatepass")) % BUCKETS


def bucket_key(run: str, bucket: int) -> str:
    """The partition key of one bucket of a run."""
    return f"{run}#{bucket:02d}"


def decision_of(record: Record, origin: Origin, decided_s: float, writer: str) -> Decision:
    """A decision from the agents' record."""
    return Decision(
        record.id, record.decision, record.amount, record.currency, record.type, record.user,
        record.original, record.digest, record.answer, record.votes, record.explanation,
        record.event_s, origin.arrived_s, decided_s, origin.shard, origin.sequence, writer,
    )  # fmt: skip


def refusal_of(
    t: Transaction, problem: Problem, origin: Origin, decided_s: float, writer: str
) -> Decision:
    """What is recorded of a transaction that cannot be decided, for instance a refund of nothing.

    It was taken in, so it must end as something: it is never decided, and its id is used up.
    """
    return Decision(
        t.transaction_id, REFUSED, t.amount, t.currency, t.type, t.user, t.original, t.digest,
        _refusal(t.transaction_id, [problem]), b"", problem.message, t.event_s, origin.arrived_s,
        decided_s, origin.shard, origin.sequence, writer,
    )  # fmt: skip


def invalid_of(invalid: Invalid, origin: Origin, decided_s: float, writer: str) -> Decision:
    """What is recorded of something that says which transaction it is and is no valid one."""
    answer = _refusal(invalid.transaction_id, invalid.problems)
    return Decision(
        invalid.transaction_id, REFUSED, invalid.amount, "", -1, "", None, invalid.digest, answer,
        b"", invalid.problems[0].message, 0.0, origin.arrived_s, decided_s, origin.shard,
        origin.sequence, writer,
    )  # fmt: skip


def refused(decision: Decision, problem: Problem) -> Decision:
    """A decision that does not stand after all, before it is recorded."""
    answer = _refusal(decision.transaction_id, [problem])
    return decision._replace(
        decision=REFUSED, answer=answer, votes=b"", explanation=problem.message
    )


def _refusal(transaction_id: str, problems: Sequence[Problem]) -> bytes:
    document: dict[str, Any] = {
        "transaction_id": transaction_id,
        "decision": REFUSED,
        "risk_score": None,
        "confidence": None,
        "reason_codes": [],
    }
    return orjson.dumps({**document, **orjson.loads(error_body(problems))})


def blob(d: Decision) -> bytes:
    """What is kept of a decision beside its key, its word, its amount and its refunds."""
    return orjson.dumps(
        (
            d.currency, d.type, d.user, d.original, d.digest.hex(), d.answer.decode(),
            b64encode(d.votes).decode(), d.explanation, d.event_s, d.arrived_s, d.decided_s,
            d.shard, str(d.sequence), d.writer,
        )
    )  # fmt: skip


def read_blob(
    transaction_id: str, decision: str, amount: int, content: bytes, refunded: int
) -> Decision:
    """What ``blob`` wrote."""
    (
        currency, kind, user, original, digest, answer, votes, explanation, event_s, arrived_s,
        decided_s, shard, sequence, writer,
    ) = orjson.loads(content)  # fmt: skip
    return Decision(
        transaction_id, decision, amount, currency, kind, user, original, bytes.fromhex(digest),
        answer.encode(), b64decode(votes), explanation, event_s, arrived_s, decided_s, shard,
        int(sequence), writer, refunded,
    )  # fmt: skip


_TAIL = b',"amount":'


def stream_record(outcome: Outcome) -> bytes:
    """The record of the decision stream: the answer with the amount, times and flags after it."""
    d = outcome.decision
    tail = (
        f'{d.amount},"currency":"{d.currency}","arrived_s":{d.arrived_s:.4f},'
        f'"decided_s":{d.decided_s:.4f},"digest":"{d.digest.hex()}"'
    )
    if outcome.conflict is not None:
        tail += f',"conflict":"{outcome.conflict.hex()}"'
    tail += ',"replay":true}' if outcome.replay else ',"replay":false}'
    return d.answer[:-1] + _TAIL + tail.encode()


def answer_in(record: bytes) -> bytes:
    """The answer inside a record of the decision stream."""
    return record[: record.rindex(_TAIL)] + b"}"
