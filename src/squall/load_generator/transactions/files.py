"""Writes transactions and their ground truth to Parquet, CSV or JSON lines, atomically."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from squall.errors import ConfigurationError, DataFileError
from squall.load_generator.transactions.datafile import FORMATS
from squall.load_generator.transactions.factory import FIELDS
from squall.models import (
    EdgeCase,
    Expected,
    Label,
    TransactionBatch,
    TransactionSource,
    Typology,
)

CHUNK_ROWS = 8_192
GROUP_CHUNKS = 8
"""Chunks per row group of a Parquet file."""

_INTEGERS = {"amount", "account_age_days", "card_age_days", "device_age_days"}
_REALS = {"latitude", "longitude"}
LABEL_COLUMNS = ("label", "typology", "edge_case", "expected")

_LABEL_WORDS: dict[str, tuple[str, ...]] = {
    "label": tuple(x.name.lower() for x in Label),
    "typology": tuple(x.name.lower() for x in Typology),
    "edge_case": tuple(x.name.lower() for x in EdgeCase),
    "expected": tuple(x.name.lower() for x in Expected),
}


def schema(labels: bool) -> pa.Schema:
    """Columns of a generated file: the fields of ``docs/transactions.md``, then the truth."""
    names = [*FIELDS, *(LABEL_COLUMNS if labels else ())]
    return pa.schema([pa.field(name, _type_of(name)) for name in names])


def _type_of(name: str) -> pa.DataType:
    if name in _INTEGERS:
        return pa.int64()
    return pa.float64() if name in _REALS else pa.string()


def table_of(batch: TransactionBatch, labels: bool) -> pa.Table:
    """A batch as an Arrow table. What an edge case sends that its column's type cannot hold (a
    fraction, NaN, a number beyond 64 bits) is null there; a field left out is null as well.
    """
    arrays: list[pa.Array[Any]] = []
    for name in FIELDS:
        json = batch.columns[name].json
        parsed: list[object] = orjson.loads(b"[" + _joined(json) + b"]")
        for row, changes in batch.overrides.items():
            if name in changes:
                parsed[row] = _value(name, changes[name])
        arrays.append(pa.array(parsed, _type_of(name)))
    if labels:
        for name in LABEL_COLUMNS:
            words = pa.array(_LABEL_WORDS[name])
            codes = pa.array(getattr(batch, name).astype(np.int32))
            arrays.append(pa.DictionaryArray.from_arrays(codes, words).cast(pa.string()))
    return pa.Table.from_arrays(arrays, schema=schema(labels))


def _joined(json: NDArray[np.uint8]) -> bytes:
    with_commas = np.full((len(json), json.shape[1] + 1), ord(","), np.uint8)
    with_commas[:, :-1] = json
    return with_commas.tobytes()[:-1]


def _value(name: str, text: bytes | None) -> object:
    if text is None:
        return None
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if name in _INTEGERS and not isinstance(value, int):
        return None
    return value


class _Sink(Protocol):
    def write(self, table: pa.Table) -> None: ...

    def close(self) -> None: ...


class _JsonLines:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, table: pa.Table) -> None:
        self._file.writelines(
            orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in table.to_pylist()
        )

    def close(self) -> None:
        self._file.flush()


class _Parquet:
    """Gathers chunks, so that a row group is not tiny."""

    def __init__(self, file: IO[bytes], columns: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(file, columns, compression="zstd")
        self._waiting: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        self._waiting.append(table)
        if len(self._waiting) == GROUP_CHUNKS:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting))
            self._waiting.clear()

    def close(self) -> None:
        self._flush()
        self._writer.close()


def check_path(path: Path) -> None:
    """Raise ConfigurationError where a file of transactions cannot be written."""
    if path.suffix not in FORMATS:
        raise ConfigurationError(f"--out {path}: the name must end in one of {', '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise ConfigurationError(f"--out {path}: there is no directory {path.parent}")


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes ``path``'s name only when all of it is written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise DataFileError(
            f"{path}: cannot be written ({error.strerror or error}); free space or choose "
            "another place"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_transactions(
    source: TransactionSource,
    count: int,
    path: Path,
    labels: bool,
    progress: Callable[[int], None],
) -> None:
    """Write arrivals 0 … count − 1; memory does not grow with their number.

    The file appears under its name only when complete; an interruption leaves nothing behind.
    ``progress`` is called with the rows done so far.

    Raises:
        ConfigurationError: for a name or directory that cannot be used.
        DataFileError: where writing fails.
    """
    check_path(path)
    with _replacing(path) as file:
        sink = _sink(path.suffix, file, schema(labels))
        for start in range(0, count, CHUNK_ROWS):
            stop = min(start + CHUNK_ROWS, count)
            sink.write(table_of(source.batch(np.arange(start, stop)), labels))
            progress(stop)
        sink.close()


def _sink(suffix: str, file: IO[bytes], columns: pa.Schema) -> _Sink:
    if suffix == ".parquet":
        return _Parquet(file, columns)
    if suffix == ".csv":
        return pa_csv.CSVWriter(file, columns)
    return _JsonLines(file)
