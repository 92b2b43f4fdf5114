"""Dead letters of the function itself: what no repetition would help.

A letter says where in the stream the record is, so that it can be read there in full (while the
stream keeps it), and shows its beginning. It is bounded by what it takes as JSON, where a control
character is six bytes: ten of the largest letters fit one call of the queue.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import accumulate
from typing import Any, NamedTuple

import orjson

from fraud_platform.stream.decision import Outcome
from fraud_platform.stream.envelope import Unreadable

DATA_BYTES = 16_000
"""Of a record's beginning, as JSON."""
_MESSAGE_BYTES = 500
_PROBLEMS = 10


class ReadRecord(NamedTuple):
    """A record and where it was read."""

    shard: str
    sequence: int
    partition_key: str
    data: bytes


def letter_of_unreadable(record: ReadRecord, read: Unreadable) -> dict[str, Any]:
    """Of a record that holds no transaction that can be decided."""
    return {
        "reason": "unreadable",
        "problems": [
            problem._replace(message=beginning(problem.message, _MESSAGE_BYTES))._asdict()
            for problem in read.problems[:_PROBLEMS]
        ],
        "stream_record": {
            "shard_id": record.shard,
            "sequence_number": str(record.sequence),
            "partition_key": record.partition_key,
            "bytes": len(record.data),
            "sha256": sha256(record.data).hexdigest(),
            "data": beginning(record.data[:DATA_BYTES].decode("latin-1"), DATA_BYTES),
        },
    }


def letter_of_conflict(outcome: Outcome) -> dict[str, Any]:
    """Of an id that came again with another content."""
    assert outcome.conflict is not None
    return {
        "reason": "id_reused",
        "transaction_id": outcome.decision.transaction_id,
        "recorded_digest": outcome.decision.digest.hex(),
        "conflicting_digest": outcome.conflict.hex(),
    }


def beginning(text: str, most_bytes: int) -> str:
    """As much of a text as takes at most so many bytes inside a JSON string."""
    if _written(text) <= most_bytes:
        return text
    lengths = accumulate(_written(character) for character in text)
    return text[: next(place for place, length in enumerate(lengths) if length > most_bytes)]


def _written(text: str) -> int:
    return len(orjson.dumps(text)) - 2
