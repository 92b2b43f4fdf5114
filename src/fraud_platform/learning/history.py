"""Reading a labelled history: what the platform learns from.

A Parquet file with one row per transaction: the fields of ``docs/transactions.md`` as columns,
``label`` (0 or ``legitimate``, 1 or ``fraud``, 2 or ``edge_case``) and ``typology``. Rows that the
platform would refuse are left out, by the very code that refuses them in service.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fraud_platform.errors import HOW_TO_MAKE_HISTORY, HistoryError
from fraud_platform.wire.currencies import current_currencies
from fraud_platform.wire.timestamps import event_seconds
from fraud_platform.wire.transaction import Transaction
from fraud_platform.wire.validation import FIELD_NAMES, Refusal, Validator

LEGITIMATE, FRAUD, EDGE_CASE = range(3)
_LABELS = {
    "legitimate": LEGITIMATE,
    "fraud": FRAUD,
    "edge_case": EDGE_CASE,
    LEGITIMATE: LEGITIMATE,
    FRAUD: FRAUD,
    EDGE_CASE: EDGE_CASE,
}
FEWEST = 5_000
"""Transactions below which nothing useful can be learned."""


@dataclass(frozen=True, slots=True)
class History:
    """Valid transactions in order of arrival, with their truth; arrays have shape (n,)."""

    transactions: list[Transaction] = field(repr=False)
    label: NDArray[np.int64]
    typology: NDArray[np.str_]
    """Words, for reports only."""
    refused: int
    """Rows left out."""

    def __len__(self) -> int:
        """Number of transactions."""
        return len(self.transactions)


def read_history(path: Path) -> History:
    """Read a history; raises ``HistoryError`` with what to do about it."""
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        raise HistoryError(f"{path}: no such file; {HOW_TO_MAKE_HISTORY}") from error
    except (OSError, pa.ArrowException) as error:
        raise HistoryError(f"{path}: not a readable Parquet file ({error})") from error
    wanted = (*FIELD_NAMES, "label", "typology")
    missing = [name for name in wanted if name not in table.column_names]
    if missing:
        raise HistoryError(f"{path}: lacks the columns {', '.join(missing)}; {HOW_TO_MAKE_HISTORY}")
    labels = _labels(table.column("label"))
    history = _validated(table, labels)
    if len(history) < FEWEST:
        raise HistoryError(
            f"{path}: has {len(history)} usable transactions; at least {FEWEST} are needed"
        )
    kinds = np.bincount(history.label, minlength=3)
    if min(kinds[LEGITIMATE], kinds[FRAUD]) < FEWEST // 20:
        raise HistoryError(
            f"{path}: has {kinds[LEGITIMATE]} legitimate and {kinds[FRAUD]} fraudulent"
            f" transactions; at least {FEWEST // 20} of both are needed"
        )
    return history


def _validated(table: pa.Table, labels: NDArray[np.int64]) -> History:
    documents = list(_documents(table))
    suspect = _with_control_characters(table)
    validator = Validator(current_currencies())
    now_s = _end_s(documents, labels)
    kept: list[int] = []
    transactions: list[Transaction] = []
    seen: set[str] = set()
    for row, document in enumerate(documents):
        read = validator.read(document, b"", now_s, escaped=suspect[row])
        if isinstance(read, Refusal) or read.transaction_id in seen:
            continue
        seen.add(read.transaction_id)
        kept.append(row)
        transactions.append(read)
    words = [str(word) for word in table.column("typology").to_pylist()]
    typology = np.array(words, dtype=np.str_)[kept]
    return History(transactions, labels[kept], typology, len(documents) - len(kept))


def _with_control_characters(table: pa.Table) -> list[bool]:
    """Which rows have a string with one; only these need the long way through validation."""
    found = np.zeros(len(table), dtype=np.bool_)
    for name in FIELD_NAMES:
        column = table.column(name)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            hits = pc.match_substring_regex(column, pattern=r"[\x00-\x1f]").fill_null(False)
            found |= hits.to_numpy()
    return [bool(hit) for hit in found]


def _documents(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows as the JSON documents they were."""
    columns = [_plain(table.column(name)) for name in FIELD_NAMES]
    for values in zip(*columns, strict=True):
        yield dict(zip(FIELD_NAMES, values, strict=True))


def _plain(column: Any) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        return [
            None if v is None else v.isoformat(timespec="milliseconds") + ("" if v.tzinfo else "Z")
            for v in column.to_pylist()
        ]
    values: list[Any] = column.to_pylist()
    if pa.types.is_floating(column.type):  # a whole column turns to fractions by one NaN in it
        return [int(v) if v is not None and v.is_integer() else v for v in values]
    return values


def _labels(column: Any) -> NDArray[np.int64]:
    values = column.to_pylist()
    try:
        return np.array([_LABELS[value] for value in values], dtype=np.int64)
    except KeyError as error:
        raise HistoryError(
            f"label {error.args[0]!r}: must be one of {', '.join(map(str, _LABELS))}"
        ) from error


def _end_s(documents: list[dict[str, Any]], labels: NDArray[np.int64]) -> float:
    """When the history ends: the latest of its ordinary transactions, its wall clock."""
    latest = 0.0
    for document, label in zip(documents, labels, strict=True):
        if label != EDGE_CASE:
            try:
                latest = max(latest, event_seconds(document["timestamp"]))
            except (ValueError, TypeError, OverflowError):
                continue
    return latest
