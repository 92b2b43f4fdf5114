"""A user's own transactions as load: every column of a file becomes a field.

The file is read and written as JSON columns once, when the source is built; the plan goes round it
as often as it is long. Ids are made new (``transaction_id``), because a target would take a second
round for repetitions; an id of the file's own stays under ``source_id``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from squall.errors import ConfigurationError, DataFileError
from squall.load_generator.transactions.datafile import read_table
from squall.load_generator.transactions.hashing import I64
from squall.load_generator.transactions.places import load_currencies
from squall.models import (
    Column,
    EdgeCase,
    Expected,
    Label,
    TransactionBatch,
    Typology,
    transaction_id,
)

ID_COLUMNS = ("transaction_id", "id")
"""The file's own id, the first of these that it has."""

_TRUTH = ("label", "is_fraud", "typology", "edge_case", "expected")
_LABELS: dict[object, int] = {
    None: Label.LEGITIMATE,
    0: Label.LEGITIMATE,  # and False
    1: Label.FRAUD,  # and True
    2: Label.EDGE_CASE,
    "0": Label.LEGITIMATE,
    "1": Label.FRAUD,
    "false": Label.LEGITIMATE,
    "true": Label.FRAUD,
    "legitimate": Label.LEGITIMATE,
    "fraud": Label.FRAUD,
    "edge_case": Label.EDGE_CASE,
}
_FIELDS_PER_STEP = 8


@dataclass(frozen=True, slots=True)
class ReplaySpec:
    """From this every worker builds the same replay. Make it with ``open``."""

    path: str
    columns: tuple[str, ...]
    rows: int

    @classmethod
    def open(cls, path: str | Path) -> ReplaySpec:
        """Read and check a file of transactions.

        Raises:
            DataFileError: naming file, row and column.
        """
        table = read_table(Path(path))
        _Truth.of(Path(path), table)  # labels and amounts are checked now, not in mid-run
        return cls(str(Path(path).resolve()), tuple(table.column_names), table.num_rows)

    @property
    def available_fields(self) -> frozenset[str]:
        """The file's columns, less the truth, plus ``transaction_id`` and ``source_id``."""
        names = {name for name in self.columns if name not in _TRUTH} | {"transaction_id"}
        return frozenset(names | ({"source_id"} if _own_id(self.columns) else set()))

    def build(self, run_tag: str, fields: frozenset[str] | None = None) -> ReplaySource:
        """The source; only ``fields`` (None: all) get columns.

        Raises:
            ConfigurationError: for a field that the file lacks.
            DataFileError: where the file has become unreadable.
        """
        wanted = self.available_fields if fields is None else fields
        if unknown := sorted(wanted - self.available_fields):
            raise ConfigurationError(
                f"{self.path}: has no column {', '.join(unknown)}; it has "
                f"{', '.join(sorted(self.available_fields))}"
            )
        return ReplaySource(read_table(Path(self.path)), Path(self.path), run_tag, wanted)


class ReplaySource:
    """A ``TransactionSource`` over a file's rows: arrival i is row i mod rows."""

    def __init__(self, table: pa.Table, path: Path, run_tag: str, fields: frozenset[str]) -> None:
        self._rows = table.num_rows
        self._run_tag = run_tag
        self._truth = _Truth.of(path, table)
        own_id = _own_id(table.column_names)
        self._columns: dict[str, Column] = {}
        for name in sorted(fields - {"transaction_id"}):
            column = own_id if name == "source_id" else name
            assert column is not None
            self._columns[name] = _written(path, column, table.column(column).to_pylist())
        self._with_id = "transaction_id" in fields

    def batch(self, indices: I64) -> TransactionBatch:
        """Make the transactions of these arrival indices, shape (n,), at once."""
        steps = self.stages(indices)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                batch: TransactionBatch = done.value
                return batch

    def stages(self, indices: I64) -> Generator[None, None, TransactionBatch]:
        """Make a batch in steps; yields between them."""
        row = indices % self._rows
        columns: dict[str, Column] = {}
        if self._with_id:
            ids = "".join(f'"{transaction_id(self._run_tag, i)}"' for i in indices.tolist())
            matrix = np.frombuffer(ids.encode(), np.uint8).reshape(len(indices), -1)
            columns["transaction_id"] = Column(matrix, embeddable=True)
            yield
        for step, (name, column) in enumerate(self._columns.items()):
            columns[name] = Column(column.json.take(row, axis=0), column.embeddable)
            if step % _FIELDS_PER_STEP == _FIELDS_PER_STEP - 1:
                yield
        truth = self._truth
        return TransactionBatch(
            index=indices, wire_index=indices, columns=columns, label=truth.label.take(row),
            typology=truth.typology.take(row), edge_case=truth.edge_case.take(row),
            expected=truth.expected.take(row), amount_minor=truth.amount_minor.take(row),
            value_usd=truth.value_usd.take(row),
        )  # fmt: skip


def _own_id(columns: list[str] | tuple[str, ...]) -> str | None:
    return next((name for name in ID_COLUMNS if name in columns), None)


def _written(path: Path, name: str, values: Sequence[object]) -> Column:
    """A column as padded JSON."""
    texts = []
    for row, value in enumerate(values, 1):
        try:
            texts.append(orjson.dumps(_plain(value)))
        except TypeError as error:
            raise DataFileError(
                f"{path}: row {row}: column {name}: {type(value).__name__} has no JSON form; "
                "convert it to text or a number"
            ) from error
    width = max(map(len, texts))
    joined = b"".join(text.ljust(width) for text in texts)
    embeddable = all(len(t) == width and t[:1] == b'"' and b"\\" not in t for t in texts)
    return Column(np.frombuffer(joined, np.uint8).reshape(len(texts), width), embeddable)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        stamp = value.isoformat(timespec="milliseconds")
        return stamp.replace("+00:00", "Z") if value.tzinfo else stamp + "Z"
    return value.isoformat() if isinstance(value, date) else value


@dataclass(frozen=True, slots=True)
class _Truth:
    """What a file says of its rows; arrays have shape (rows,)."""

    label: NDArray[np.uint8]
    typology: NDArray[np.uint8]
    edge_case: NDArray[np.uint8]
    expected: NDArray[np.uint8]
    amount_minor: I64
    value_usd: NDArray[np.float64]

    @classmethod
    def of(cls, path: Path, table: pa.Table) -> _Truth:
        """Read labels and amounts; raises DataFileError for values that are neither."""
        label = _codes(path, table, ("label", "is_fraud"), _LABELS.get)
        typology = _codes(path, table, ("typology",), _named(Typology, Typology.NONE))
        edge_case = _codes(path, table, ("edge_case",), _named(EdgeCase, EdgeCase.NONE))
        expected = _codes(path, table, ("expected",), _expected)
        minor, usd = _amounts(path, table)
        return cls(label, typology, edge_case, expected, minor, usd)


def _codes(
    path: Path,
    table: pa.Table,
    names: tuple[str, ...],
    code_of: Callable[[object], int | None],
) -> NDArray[np.uint8]:
    name = next((n for n in names if n in table.column_names), None)
    codes = np.zeros(table.num_rows, np.uint8)
    if name is None:
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


def _named(kind: type[Typology] | type[EdgeCase], missing: int) -> Callable[[object], int | None]:
    words: dict[object, int] = {member.name.lower(): int(member) for member in kind}
    words |= {None: missing, "": missing}
    return words.get


def _expected(word: object) -> int | None:
    """A repeated id gets a new one in a replay, so it is simply decided."""
    known = {"rejected": int(Expected.REJECTED)}
    if word in (None, "", "decided", "replayed", "conflict"):
        return int(Expected.DECIDED)
    return known.get(str(word))


def _amounts(path: Path, table: pa.Table) -> tuple[I64, NDArray[np.float64]]:
    """Minor units and US dollars: whole numbers are minor units, fractions are units of money."""
    zero = np.zeros(table.num_rows, np.int64)
    if "amount" not in table.column_names:
        return zero, zero.astype(np.float64)
    column = table.column("amount")
    whole = pa.types.is_integer(column.type)
    if not (whole or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)):
        raise DataFileError(
            f"{path}: column amount: is {column.type}, not a number; write minor units (cents) or "
            "a decimal number"
        )
    amount = np.array([float(v) if v is not None else 0.0 for v in column.to_pylist()])
    amount[~np.isfinite(amount)] = 0.0
    currencies = load_currencies()
    number = {code: n for n, code in enumerate(currencies.codes)}
    names = (
        table.column("currency").to_pylist()
        if "currency" in table.column_names
        else ["USD"] * table.num_rows
    )
    dollar = number["USD"]
    known = np.array([number.get(str(n), dollar) for n in names])
    minor_per_unit = 10.0 ** currencies.exponents[known]
    minor = amount if whole else np.rint(amount * minor_per_unit)
    minor = np.clip(minor, -(2.0**62), 2.0**62)
    return minor.astype(np.int64), np.maximum(minor, 0.0) / currencies.minor_per_usd[known]
