"""Result files: what one benchmark measured, when, how and on what."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from benchmarks.harness.machine import Machine, Noise
from benchmarks.harness.processes import BenchmarkError

Cell = str | int | float | None

RESULTS_DIRECTORY = Path(__file__).resolve().parent.parent / "results"
QUICK_DIRECTORY = RESULTS_DIRECTORY.parent.parent / "build" / "benchmarks"
"""Quick runs go here: too short to be published."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Table(_Frozen):
    """A table for the page; every row has a cell per column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


class Record(_Frozen):
    """One benchmark's result file."""

    benchmark: str
    measured_at: str
    """RFC 3339, UTC."""
    quick: bool
    machine: Machine
    noise: Noise
    method: tuple[str, ...]
    """Sentences for the page: what was done, so that a reader can do it again."""
    tools: dict[str, str] = Field(default_factory=dict)
    """Version by tool; ``not installed`` for those that were missing."""
    bars: dict[str, float] = Field(default_factory=dict)
    """Measured value by bar; one that could not be measured is left out."""
    tables: tuple[Table, ...] = ()
    rounds: tuple[JsonValue, ...] = ()
    """Every single measurement, in order."""


def now_utc() -> str:
    """The time, RFC 3339, to a second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def default_directory(quick: bool) -> Path:
    """Where a benchmark writes unless told otherwise."""
    return QUICK_DIRECTORY if quick else RESULTS_DIRECTORY


def write_record(record: Record, directory: Path) -> Path:
    """Write ``<benchmark>.json``; returns its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{record.benchmark}.json"
    path.write_text(record.model_dump_json(indent=1) + "\n")
    return path


def read_record(path: Path) -> Record:
    """Read a result file.

    Raises:
        BenchmarkError: it is not one.
    """
    try:
        return Record.model_validate_json(path.read_text())
    except (OSError, ValidationError) as error:
        raise BenchmarkError(f"{path}: not a result file of these benchmarks: {error}") from error
