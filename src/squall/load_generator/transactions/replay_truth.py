"""What a user's file says of its rows: what each is, and what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from squall.errors import DataFileError
from squall.load_generator.transactions.hashing import F64, I64
from squall.load_generator.transactions.places import load_currencies
from squall.models import EdgeCase, Expected, Label, Typology

TRUTH_COLUMNS = ("label", "is_fraud", "typology", "edge_case", "expected")
AMOUNT = "amount"

_LABELS: dict[object, int] = {
    None: Label.UNKNOWN,
    "": Label.UNKNOWN,
    0: Label.LEGITIMATE,  # and False
    1: Label.FRAUD,  # and True
    2: Label.EDGE_CASE,
    "0": Label.LEGITIMATE,
    "1": Label.FRAUD,
    "false": Label.LEGITIMATE,
    "true": Label.FRAUD,
    **{label.name.lower(): label for label in Label},
}
_FRAUD_OR_NOT: dict[object, int] = {
    None: Label.UNKNOWN,
    "": Label.UNKNOWN,
    **{t.name.lower(): Label.FRAUD if t else Label.LEGITIMATE for t in Typology},
}
"""The label that a typology implies."""


@dataclass(frozen=True, slots=True)
class ReplayTruth:
    """What a file says of its rows; arrays have shape (rows,)."""

    label: NDArray[np.uint8]
    typology: NDArray[np.uint8]
    edge_case: NDArray[np.uint8]
    expected: NDArray[np.uint8]
    amount_minor: I64
    """0 in all rows of a file without amounts."""
    value_usd: F64

    @classmethod
    def of(cls, path: Path, table: pa.Table) -> ReplayTruth:
        """Read labels and amounts; raises ``DataFileError`` for values that are neither."""
        typology = _codes(path, table, "typology", _named(Typology))
        label = _labels(path, table, typology)
        edge_case = _codes(path, table, "edge_case", _named(EdgeCase))
        expected = _codes(path, table, "expected", _expected)
        minor, usd = _amounts(path, table, label)
        return cls(label, typology, edge_case, expected, minor, usd)

    @property
    def unlabelled(self) -> int:
        """Rows of which nothing says what they are."""
        return int((self.label == Label.UNKNOWN).sum())


def _labels(path: Path, table: pa.Table, typology: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels from the column for them, else from the typology; unknown where neither says."""
    name = next((n for n in ("label", "is_fraud") if n in table.column_names), None)
    if name is None and "typology" in table.column_names:
        return _codes(path, table, "typology", _FRAUD_OR_NOT.get)
    if name is None:
        return np.full(table.num_rows, Label.UNKNOWN, np.uint8)
    label = _codes(path, table, name, _LABELS.get)
    named = typology != Typology.NONE
    label[named & (label == Label.UNKNOWN)] = Label.FRAUD
    contrary = np.flatnonzero(named & (label != Label.FRAUD))
    if len(contrary):
        row = int(contrary[0])
        raise DataFileError(
            f"{path}: row {row + 1}: column typology: {_value(table, 'typology', row)!r} is a kind "
            f"of fraud, but {name} is {_value(table, name, row)!r}; make one of them fit the other"
        )
    return label


def _codes(
    path: Path, table: pa.Table, name: str, code_of: Callable[[object], int | None]
) -> NDArray[np.uint8]:
    codes = np.zeros(table.num_rows, np.uint8)
    if name not in table.column_names:
        return codes
    for row, value in enumerate(table.column(name).to_pylist()):
        word = value.lower() if isinstance(value, str) else value
        code = code_of(word) if isinstance(word, str | int | float | None) else None
        if code is None:
            raise DataFileError(
                f"{path}: row {row + 1}: column {name}: {value!r} is no {name}; "
                "see the documentation of replay for the words that are"
            )
        codes[row] = code
    return codes


def _named(kind: type[Typology] | type[EdgeCase]) -> Callable[[object], int | None]:
    words: dict[object, int] = {member.name.lower(): int(member) for member in kind}
    words |= {None: kind.NONE, "": kind.NONE}
    return words.get


def _expected(word: object) -> int | None:
    """A repeated id gets a new one in a replay, so it is simply decided."""
    known = {"rejected": int(Expected.REJECTED)}
    if word in (None, "", "decided", "replayed", "conflict"):
        return int(Expected.DECIDED)
    return known.get(str(word))


def _amounts(path: Path, table: pa.Table, label: NDArray[np.uint8]) -> tuple[I64, F64]:
    """Minor units and US dollars: whole numbers are minor units, fractions are units of money."""
    if AMOUNT not in table.column_names:
        return np.zeros(table.num_rows, np.int64), np.zeros(table.num_rows)
    column = table.column(AMOUNT)
    whole = pa.types.is_integer(column.type)
    if not (whole or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)):
        raise DataFileError(
            f"{path}: column amount: is {column.type}, not a number; write minor units (cents) or "
            "a decimal number"
        )
    amount = np.array([float(v) if v is not None else 0.0 for v in column.to_pylist()])
    amount[~np.isfinite(amount)] = 0.0
    currencies = load_currencies()
    currency = _currencies(path, table, (amount != 0) & (label != Label.EDGE_CASE))
    minor_per_unit = 10.0 ** currencies.exponents[currency]
    minor = amount if whole else np.rint(amount * minor_per_unit)
    minor = np.clip(minor, -(2.0**62), 2.0**62)
    return minor.astype(np.int64), np.maximum(minor, 0.0) / currencies.minor_per_usd[currency]


def _currencies(path: Path, table: pa.Table, counted: NDArray[np.bool_]) -> I64:
    """Currency numbers, shape (rows,): US dollars without a column.

    Rows that are not ``counted`` in money may name any currency: an edge case does so on purpose.
    """
    codes = load_currencies().codes
    dollar = codes.index("USD")
    if "currency" not in table.column_names:
        return np.full(table.num_rows, dollar)
    number = {code: n for n, code in enumerate(codes)}
    names = table.column("currency").to_pylist()
    known = np.array([number.get(str(name).upper(), -1) for name in names], np.int64)
    if len(without_rate := np.flatnonzero((known < 0) & counted)):
        row, more = int(without_rate[0]), len(without_rate) - 1
        raise DataFileError(
            f"{path}: row {row + 1}{f' and {more:,} more' if more else ''}: column currency: "
            f"{names[row]!r} has no exchange rate, so the amount cannot be counted; convert it to "
            f"one of {', '.join(sorted(codes))}, or give the column amount another name: it is "
            "then sent, and left out of all sums"
        )
    return np.where(known < 0, dollar, known)


def _value(table: pa.Table, column: str, row: int) -> object:
    return table.column(column)[row].as_py()
