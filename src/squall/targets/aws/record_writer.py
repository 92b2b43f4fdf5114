"""Transactions as entries of a PutRecords call: base64 of the JSON body, and a partition key.

A whole block is encoded in one go: bodies of one length, padded with spaces (legal JSON white
space) to a multiple of three bytes, so that the base64 of many is that of each, one after another.
"""

from __future__ import annotations

import binascii

import numpy as np
import orjson
from numpy.typing import NDArray

from squall.models import Column, TransactionBatch
from squall.targets.template import JsonBody, TemplateWriter

PARTITION_KEY_MAX = 256
"""Characters; longer keys are cut."""
_START = b'{"Data":"'
_MIDDLE = b'","PartitionKey":'
_END = b"}"
_NO_KEY = (b"null", b'""')
_SPACE = 0x20


class RecordWriter:
    """A ``RequestWriter`` whose requests are entries of a PutRecords call.

    The key is the field's own value even where an edge case spoils that field in the body: how a
    record travels is not what is tested. Where it has none, the transaction id stands in.
    """

    def __init__(self, fields: tuple[str, ...], partition_key: str) -> None:
        body = JsonBody({field: f"${{{field}}}" for field in fields})
        self._template = TemplateWriter([], body)
        self._key = partition_key

    @property
    def fields(self) -> frozenset[str]:
        """Fields that records use."""
        return self._template.fields | {self._key, "transaction_id"}

    def write(self, batch: TransactionBatch) -> list[bytes | memoryview]:
        """One entry per transaction, in order."""
        if not len(batch):
            return []
        column = batch.columns[self._key]
        block = self._template.matrix(batch)
        if block is None or not column.embeddable or column.width > PARTITION_KEY_MAX + 2:
            return [self._entry(batch, row) for row in range(len(batch))]
        entries = _entries(block[:, _body_start(block[0].tobytes()) :], column)
        for row in batch.overrides:
            request = self._template.overridden(batch, row, block[row].tobytes())
            entries[row] = self._entry_of(batch, row, request)
        return entries

    def bodies(self, batch: TransactionBatch) -> list[bytes]:
        """What the records hold, without the rest of the call."""
        return [_body(bytes(request)) for request in self._template.write(batch)]

    def _entry(self, batch: TransactionBatch, row: int) -> bytes:
        """One entry by itself."""
        return self._entry_of(batch, row, self._template.write_row(batch, row))

    def _entry_of(self, batch: TransactionBatch, row: int, request: bytes) -> bytes:
        data = binascii.b2a_base64(_body(request), newline=False)
        return b"".join((_START, data, _MIDDLE, self._key_of(batch, row), _END))

    def _key_of(self, batch: TransactionBatch, row: int) -> bytes:
        """A partition key as JSON text: 1 to 256 characters."""
        column = batch.columns[self._key]
        text: bytes = column.json[row].tobytes().rstrip(b" ")
        if column.embeddable and column.width <= PARTITION_KEY_MAX + 2:
            return text
        if text in _NO_KEY:
            text = batch.columns["transaction_id"].json[row].tobytes().rstrip(b" ")
        value: object = orjson.loads(text)
        word = value if isinstance(value, str) else text.decode()
        return bytes(orjson.dumps(word[:PARTITION_KEY_MAX]))


def _body_start(request: bytes) -> int:
    return request.index(b"\r\n\r\n") + 4


def _body(request: bytes) -> bytes:
    return request[_body_start(request) :]


def _entries(bodies: NDArray[np.uint8], key: Column) -> list[bytes | memoryview]:
    """Entries of one length, as slices of one block of bytes."""
    rows, length = bodies.shape
    padded = np.full((rows, length + -length % 3), _SPACE, dtype=np.uint8)
    padded[:, :length] = bodies
    data = binascii.b2a_base64(padded.data, newline=False)
    parts = (
        _same(_START, rows),
        np.frombuffer(data, np.uint8).reshape(rows, -1),
        _same(_MIDDLE, rows),
        key.json,
        _same(_END, rows),
    )
    block = np.concatenate(parts, axis=1)
    entries: list[bytes | memoryview] = block.view(f"V{block.shape[1]}")[:, 0].tolist()
    return entries


def _same(text: bytes, rows: int) -> NDArray[np.uint8]:
    return np.broadcast_to(np.frombuffer(text, np.uint8), (rows, len(text)))
