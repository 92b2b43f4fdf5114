"""Reads a user's Parquet, CSV or JSON-lines file of transactions into an Arrow table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from squall.errors import DataFileError

FORMATS = (".parquet", ".csv", ".jsonl")


def read_table(path: Path) -> pa.Table:
    """The whole file as a table with at least one row.

    Raises:
        DataFileError: naming the file, and the row and column where there is one.
    """
    if path.suffix not in FORMATS:
        raise DataFileError(f"{path}: the name must end in one of {', '.join(FORMATS)}")
    try:
        if path.suffix == ".parquet":
            table = pq.read_table(path)
        elif path.suffix == ".csv":
            table = pa_csv.read_csv(path)
        else:
            table = _json_lines(path)
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except pa.ArrowException as error:
        raise DataFileError(f"{path}: {_first_line(error)}") from error
    if table.num_rows == 0:
        raise DataFileError(f"{path}: has no transactions; give at least one row")
    repeated = sorted({n for n in table.column_names if table.column_names.count(n) > 1})
    if repeated:
        raise DataFileError(f"{path}: column {repeated[0]}: is there twice; rename one")
    return table


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else "cannot be read"


def _json_lines(path: Path) -> pa.Table:
    """Lines of JSON objects; a field that a line lacks is null there."""
    columns: dict[str, list[Any]] = {}
    count = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            for name, value in _object(path, number, line).items():
                columns.setdefault(name, [None] * count).append(value)
            count += 1
            for values in columns.values():
                if len(values) < count:
                    values.append(None)
    arrays = {}
    for name, values in columns.items():
        try:
            arrays[name] = pa.array(values)
        except (pa.ArrowException, OverflowError) as error:
            raise DataFileError(
                f"{path}: row {_first_misfit(values)}: column {name}: values of different types "
                "or beyond 64 bits; make them all strings or all numbers"
            ) from error
    return pa.table(arrays)


def _object(path: Path, number: int, line: bytes) -> dict[str, object]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise DataFileError(f"{path}: row {number}: is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataFileError(f"{path}: row {number}: must be a JSON object, one per line")
    return value


def _first_misfit(values: Sequence[object]) -> int:
    """The first row (from 1) whose type differs from that of the first value."""
    kinds = [type(v) for v in values if v is not None]
    first = kinds[0] if kinds else type(None)
    for row, value in enumerate(values, 1):
        if value is not None and type(value) is not first:
            return row
    return 1
