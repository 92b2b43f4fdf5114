"""Records of the stream `transactions`: how transactions are put into them and read again.

The gateway writes *packs*: validated transactions of one lane, compressed JSON. A lane is one of 16
parts of all customers; it is the record's partition key, so that a customer's transactions
keep their order through resharding and parallel batches. Anyone else may write one transaction per
record as the JSON of ``docs/transactions.md``, with any partition key; it is validated when read.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from fraud_platform.wire.transaction import Transaction
from fraud_platform.wire.validation import ID_LENGTH, Problem, Refusal, Validator

LANES = 16
PACK_LIMIT = 400
"""Most transactions in one pack."""
_VERSION = 1
_SPACE = 1 << 128
_LONGEST = 4 * 1024 * 1024
"""Most bytes of a pack once it is opened."""
_DIGEST = Transaction._fields.index("digest")
_WIDTH = len(Transaction._fields)
_NONE = type(None)
_KINDS: tuple[tuple[type, ...], ...] = (
    (str,), (str,), (int,), (int,), (str,), (str,), (str,), (str, _NONE), (str, _NONE),
    (str, _NONE), (str, _NONE), (int,), (str,), (float,), (float,), (str,), (str, _NONE), (float,),
    (int,), (int,), (int,), (int,), (int,), (int,), (str, _NONE), (float,),
)  # fmt: skip
"""Types of a pack's row: a transaction's fields, the digest in hexadecimal, then arrival."""


class Arrival(NamedTuple):
    """A transaction and when it came in, in Unix seconds."""

    transaction: Transaction
    arrived_s: float


class Unreadable(NamedTuple):
    """A record that holds no transaction that can be decided."""

    problems: tuple[Problem, ...]


class Invalid(NamedTuple):
    """A record that says which transaction it is, and is no valid one: it is refused."""

    transaction_id: str
    amount: int
    """As it says; 0 where that is no amount."""
    digest: bytes
    problems: tuple[Problem, ...]
    arrived_s: float


def lane_of(user: str) -> int:
    """The lane of a customer: 0 … LANES − 1, the same everywhere and always."""
    return zlib.crc32(user.encode("utf-8", "surrogatepass")) % LANES


def partition_key(lane: int) -> str:
    """The partition key of a lane's packs."""
    return f"lane-{lane:02d}"


def explicit_hash_key(lane: int) -> str:
    """The middle of the lane's part of the hash key space: lanes spread evenly over shards."""
    return str((2 * lane + 1) * _SPACE // (2 * LANES))


def hash_key_of(key: str) -> str | None:
    """Where a record with this partition key belongs: a pack's to its lane, others anywhere."""
    return _PLACES.get(key)


_PLACES = {partition_key(lane): explicit_hash_key(lane) for lane in range(LANES)}


def content_digest(document: Any) -> bytes:
    """16 bytes that change with the content; white space and the order of keys do not count.

    Raises ``orjson.JSONEncodeError`` for a document nested too deeply.
    """
    return blake2b(orjson.dumps(document, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def pack(arrivals: Sequence[Arrival]) -> bytes:
    """One record's data."""
    rows = []
    for transaction, arrived_s in arrivals:
        row: list[object] = [*transaction, arrived_s]
        row[_DIGEST] = transaction.digest.hex()
        rows.append(row)
    return zlib.compress(orjson.dumps({"v": _VERSION, "rows": rows}), 1)


class RecordReader:
    """Reads records of either form. One thread at a time may use it."""

    def __init__(self, validator: Validator) -> None:
        self._validator = validator
        self._good_shapes: set[tuple[type, ...]] = set()

    def read(self, data: bytes, arrived_s: float) -> list[Arrival] | Invalid | Unreadable:
        """A record's transactions. ``arrived_s``: when the stream took it, in Unix seconds."""
        if data[:1] == b"x":
            try:
                return self._unpack(data)
            except (zlib.error, ValueError, TypeError, KeyError) as error:
                return Unreadable((Problem("malformed_pack", f"not a pack: {error}", ""),))
        try:
            document = orjson.loads(data)
            digest = content_digest(document)
        except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
            problem = Problem("malformed_json", f"the record is not JSON: {error}", "")
            return Unreadable((problem,))
        read = self._validator.read(document, digest, arrived_s, b"\\" in data)
        if isinstance(read, Refusal):
            return _invalid(document, digest, read.problems, arrived_s)
        return [Arrival(read, arrived_s)]

    def _unpack(self, data: bytes) -> list[Arrival]:
        opener = zlib.decompressobj()
        opened = opener.decompress(data, _LONGEST)
        if opener.unconsumed_tail:
            raise ValueError(f"more than {_LONGEST} bytes")
        document = orjson.loads(opened)
        if document["v"] != _VERSION:
            raise ValueError(f"version {document['v']}")
        arrivals = []
        good, make = self._good_shapes, Transaction._make
        for row in document["rows"]:
            shape = tuple(map(type, row))
            if shape not in good:
                _check_shape(shape)
                good.add(shape)
            row[_DIGEST] = bytes.fromhex(row[_DIGEST])
            arrived_s = row.pop()
            arrivals.append(Arrival(make(row), arrived_s))
        return arrivals


def _invalid(
    document: Any, digest: bytes, problems: tuple[Problem, ...], arrived_s: float
) -> Invalid | Unreadable:
    name = document.get("transaction_id") if type(document) is dict else None
    if type(name) is not str or not 0 < len(name) <= ID_LENGTH or any(c < " " for c in name):
        return Unreadable(problems)
    amount = document.get("amount")
    known = amount if type(amount) is int and abs(amount) < 1 << 53 else 0
    return Invalid(name, known, digest, problems, arrived_s)


def _check_shape(shape: tuple[type, ...]) -> None:
    if len(shape) != _WIDTH + 1:
        raise ValueError(f"a row of {len(shape)} values")
    for place, (kind, allowed) in enumerate(zip(shape, _KINDS, strict=True)):
        if kind not in allowed:
            raise TypeError(f"value {place} of a row is of type {kind.__name__}")
