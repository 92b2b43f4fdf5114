"""A user's own transactions as load: every column of a file becomes a field.

The file is read and written as JSON columns once, when the source is built; the plan goes round it
as often as it is long. Ids are made new (``transaction_id``), because a target would take a second
round for repetitions; an id of the file's own stays under ``source_id``.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from squall.errors import ConfigurationError, DataFileError
from squall.load_generator.transactions.datafile import read_table
from squall.load_generator.transactions.hashing import I64
from squall.load_generator.transactions.replay_truth import AMOUNT, TRUTH_COLUMNS, ReplayTruth
from squall.models import Column, TransactionBatch, transaction_id

ID_COLUMNS = ("transaction_id", "id")
"""The file's own id, the first of these that it has."""

_FIELDS_PER_STEP = 8


@dataclass(frozen=True, slots=True)
class ReplaySpec:
    """From this every worker builds the same replay. Make it with ``open``."""

    path: str
    columns: tuple[str, ...]
    rows: int
    unlabelled: int = 0
    """Rows of which the file does not say what they are."""

    @classmethod
    def open(cls, path: str | Path) -> ReplaySpec:
        """Read and check a file of transactions.

        Raises:
            DataFileError: naming file, row and column.
        """
        table = read_table(Path(path))
        truth = ReplayTruth.of(Path(path), table)  # checked now, not in mid-run
        return cls(
            str(Path(path).resolve()), tuple(table.column_names), table.num_rows, truth.unlabelled
        )

    @property
    def available_fields(self) -> frozenset[str]:
        """The file's columns, less the truth, plus ``transaction_id`` and ``source_id``."""
        names = {name for name in self.columns if name not in TRUTH_COLUMNS} | {"transaction_id"}
        return frozenset(names | ({"source_id"} if _own_id(self.columns) else set()))

    @property
    def amounts_known(self) -> bool:
        """Whether the file has a column ``amount``."""
        return AMOUNT in self.columns

    @property
    def notes(self) -> tuple[str, ...]:
        """What cannot be measured with this file, and why; for the result."""
        name, found = Path(self.path).name, []
        if self.unlabelled == self.rows:
            found.append(
                f"{name} has no labels (a column label, is_fraud or typology): accuracy and what "
                "fraud was worth are not measured"
            )
        elif self.unlabelled:
            found.append(
                f"{self.unlabelled:,} of {self.rows:,} rows of {name} have no label: they are in "
                "no figure of accuracy or fraud"
            )
        if not self.amounts_known:
            found.append(
                f"{name} has no column amount: amounts are not compared with the target's records, "
                "and nothing is added up in money"
            )
        return tuple(found)

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
        self._truth = ReplayTruth.of(path, table)
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
