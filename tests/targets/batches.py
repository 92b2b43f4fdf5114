"""Batches made of given values, for tests of what is written from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from squall.models import Column, TransactionBatch

Scalar = None | bool | int | float | str


def column(values: Sequence[Scalar], ascii_only: bool = False) -> Column:
    """A column of JSON scalars, padded to one width."""
    texts = [json.dumps(value, ensure_ascii=ascii_only).encode() for value in values]
    width = max(len(text) for text in texts)
    matrix = np.array([list(text.ljust(width)) for text in texts], dtype=np.uint8)
    embeddable = all(
        isinstance(value, str) and len(text) == width and json.dumps(value)[1:-1] == value
        for value, text in zip(values, texts, strict=True)
    )
    return Column(matrix, embeddable)


def batch(
    columns: Mapping[str, Column],
    overrides: Mapping[int, Mapping[str, bytes | None]] | None = None,
) -> TransactionBatch:
    """A batch of these columns with empty ground truth."""
    count = len(next(iter(columns.values())).json)
    zeros = np.zeros(count, np.uint8)
    index = np.arange(count, dtype=np.int64)
    return TransactionBatch(
        index=index,
        wire_index=index,
        columns=columns,
        label=zeros,
        typology=zeros,
        edge_case=zeros,
        expected=zeros,
        amount_minor=index,
        value_usd=np.zeros(count),
        overrides=overrides or {},
    )


def split(request: bytes | memoryview) -> tuple[bytes, bytes]:
    """Head and body of a request; the head keeps its last line's end."""
    head, _, body = bytes(request).partition(b"\r\n\r\n")
    return head + b"\r\n", body
