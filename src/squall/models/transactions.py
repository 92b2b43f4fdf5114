"""Transactions as columns: the contract between what makes them and what sends them.

A batch holds n transactions as NumPy columns. Every column carries its values already written as
JSON, each padded with spaces (legal JSON white space) to one width, so that a request body is
built by copying columns into a template.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from squall.models.enums import Typology

FIELDS = (
    "transaction_id",
    "type",
    "amount",
    "currency",
    "user_id",
    "card_id",
    "device_id",
    "merchant_id",
    "payee_id",
    "merchant_category",
    "channel",
    "country",
    "city",
    "latitude",
    "longitude",
    "billing_country",
    "ip",
    "timestamp",
    "account_age_days",
    "card_age_days",
    "device_age_days",
    "cvv",
    "avs",
    "authentication",
    "original_transaction_id",
)
"""The fields of a transaction in the order in which they are written; ``docs/transactions.md``."""

ID_DIGITS = 12
"""Decimal digits of the arrival index in a transaction id."""

RUN_TAG_LENGTH = 8
"""Characters of the run tag before the dash in a transaction id."""


def transaction_id(run_tag: str, index: int) -> str:
    """The wire id of arrival ``index``: ``<run tag>-<twelve digits>``."""
    return f"{run_tag}-{index:0{ID_DIGITS}d}"


def index_of(wire_id: str, run_tag: str) -> int | None:
    """The arrival index in a wire id, or None where the id is not of this run."""
    prefix, dash, digits = wire_id.partition("-")
    if prefix != run_tag or not dash or len(digits) != ID_DIGITS or not digits.isdecimal():
        return None
    return int(digits)


@dataclass(frozen=True, slots=True)
class Column:
    """One field of n transactions, written as JSON.

    ``json`` is a matrix of bytes, shape (n, width): row i is the JSON text of value i, padded on
    the right with spaces. ``embeddable`` says that every value is a JSON string that fills the
    whole width and needs no escapes, so ``json[:, 1:-1]`` can stand inside a longer string.
    """

    json: NDArray[np.uint8]
    embeddable: bool = False

    @property
    def width(self) -> int:
        """Bytes per value."""
        return int(self.json.shape[1])


@dataclass(frozen=True, slots=True)
class TransactionBatch:
    """n transactions with their hidden ground truth.

    All arrays have shape (n,). ``overrides`` maps a row number to fields whose JSON text replaces
    the column's (edge cases; it may be of any length and need not be valid JSON, and ``None``
    leaves the field out of the body).
    """

    index: NDArray[np.int64]
    """Planned arrival index."""
    wire_index: NDArray[np.int64]
    """The arrival whose id and body go on the wire; differs from ``index`` in repeated ids."""
    columns: Mapping[str, Column]
    label: NDArray[np.uint8]
    """``Label`` codes."""
    typology: NDArray[np.uint8]
    """``Typology`` codes; 0 unless the label is fraud."""
    edge_case: NDArray[np.uint8]
    """``EdgeCase`` codes; 0 unless the label is edge case."""
    expected: NDArray[np.uint8]
    """``Expected`` codes."""
    amount_minor: NDArray[np.int64]
    """Amount on the wire in minor units of its currency; 0 where it is not an amount."""
    value_usd: NDArray[np.float64]
    """Amount in US dollars at the dated reference rates; 0 where it is not an amount."""
    overrides: Mapping[int, Mapping[str, bytes | None]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of transactions."""
        return len(self.index)

    def rows(self, low: int, high: int) -> TransactionBatch:
        """Transactions ``low`` … ``high`` − 1, sharing their arrays with this batch."""
        part = slice(low, high)
        return TransactionBatch(
            index=self.index[part],
            wire_index=self.wire_index[part],
            columns={
                name: Column(column.json[part], column.embeddable)
                for name, column in self.columns.items()
            },
            label=self.label[part],
            typology=self.typology[part],
            edge_case=self.edge_case[part],
            expected=self.expected[part],
            amount_minor=self.amount_minor[part],
            value_usd=self.value_usd[part],
            overrides={
                row - low: changes for row, changes in self.overrides.items() if low <= row < high
            },
        )


class TransactionSource(Protocol):
    """Makes any transactions of a run, in any order, as a pure function of seed and index."""

    def stages(self, indices: NDArray[np.int64]) -> Generator[None, None, TransactionBatch]:
        """Make a batch in steps of about 0.1 ms, yielding between them; returns the batch.

        A load worker runs the steps in its idle moments, so that making never delays a send.
        """
        ...

    def batch(self, indices: NDArray[np.int64]) -> TransactionBatch:
        """Make the transactions of these arrival indices, shape (n,), at once."""
        ...


class SourceSpec(Protocol):
    """A picklable description from which every worker builds the same source."""

    @property
    def available_fields(self) -> frozenset[str]:
        """Names of the fields its transactions have."""
        ...

    @property
    def amounts_known(self) -> bool:
        """Whether its transactions have amounts; without, ``amount_minor`` says nothing."""
        ...

    def build(self, run_tag: str, fields: frozenset[str] | None = None) -> TransactionSource:
        """The source; only ``fields`` (None: all) get columns."""
        ...


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of the three kinds of transaction; what is left is legitimate.

    ``typologies`` are relative weights; empty means the catalogue's own.
    """

    fraud: float = 0.15
    edge_cases: float = 0.05
    typologies: Mapping[Typology, float] = field(default_factory=dict)


def run_stages(source: TransactionSource, indices: NDArray[np.int64]) -> TransactionBatch:
    """Run a source's stages to the end without pausing between them."""
    steps = source.stages(indices)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            batch: TransactionBatch = done.value
            return batch
