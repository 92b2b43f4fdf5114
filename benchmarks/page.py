"""Write docs/benchmarks.md from the result files: ``python -m benchmarks.page``.

Every figure on the page comes from a file in benchmarks/results; what has no file is "not
measured". With ``--check`` nothing is written; the exit status says whether the page is current.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.harness.bars import BARS, Bar, Standing, read_causes
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.records import RESULTS_DIRECTORY, Cell, Record, Table, read_record

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"

SECTIONS: Mapping[str, tuple[str, str]] = {
    "engine_cpu": (
        "The engine's cost",
        "How much CPU a request takes, beside other tools that do the same work.",
    ),
    "twin_services": (
        "The cloud twin beside other stand-ins for AWS",
        "How much CPU the calls take that a load test makes most, and whether quotas are kept.",
    ),
    "event_source_mapping": (
        "From a stream to its function",
        "How long the twin takes to hand a Kinesis record to a Lambda function that is warm.",
    ),
    "kinesis_target": (
        "The Kinesis target",
        "How many records one worker puts into a stream, and what a record costs beside boto3.",
    ),
    "rate_accuracy": (
        "Rate and lateness",
        "Whether the rate that was asked for is the rate that arrives, and how late a send is.",
    ),
    "stall": (
        "The stall test",
        "A server stalls for a second in every ten. A tool that starts its clock at the actual "
        "send does not see those who had to wait for it, and reports a percentile that no user "
        "would recognise.",
    ),
    "memory": ("Memory", "Whether the generator grows with the run."),
    "platform_inline": (
        "The reference platform beside the generator",
        "Both on the same two cores, over loopback.",
    ),
    "platform_stream": (
        "The platform in stream mode",
        "Generator, twin, gateway and functions on the same two cores.",
    ),
    "stream_limit": (
        "The limit in stream mode",
        "Generator, twin, gateway and functions on the same two cores.",
    ),
    "model_quota": (
        "A rush on the language model",
        "Many cases at once, and a quota that lets few of them through.",
    ),
    "detection": ("Detection", "How much fraud the reference platform finds in unseen data."),
    "first_verdict": ("First verdict", "From an empty directory to a verdict."),
    "transactions": ("Making transactions", "How fast the transaction factory is."),
}

INTRODUCTION = """\
# Benchmarks

<!-- Written by `python -m benchmarks.page` from benchmarks/results: change those, not this. -->

What squall promises, and what was measured. Every figure comes from a file in `benchmarks/results`,
which holds each single measurement; `benchmarks/README.md` says how to make them again on your
machine. Absolute figures depend on the machine; ratios and verdicts should not.
"""


def read_results(directory: Path) -> dict[str, Record]:
    """Records by benchmark, those that there are.

    Raises:
        BenchmarkError: a file is not a record, or not of the benchmark it is named after.
    """
    records: dict[str, Record] = {}
    for name in SECTIONS:
        path = directory / f"{name}.json"
        if not path.exists():
            continue
        record = read_record(path)
        if record.benchmark != name:
            raise BenchmarkError(f"{path}: holds {record.benchmark}, not {name}")
        records[name] = record
    return records


def render(records: Mapping[str, Record], causes: Mapping[str, str]) -> str:
    """The whole page as Markdown."""
    parts = [INTRODUCTION, _bars(records, causes)]
    for name, (title, about) in SECTIONS.items():
        if name in records:
            parts.append(_section(title, about, records[name]))
        elif any(bar.benchmark == name for bar in BARS):
            parts.append(f"## {title}\n\n{about}\n\nNot measured.\n")
    return "\n".join(parts)


def _bars(records: Mapping[str, Record], causes: Mapping[str, str]) -> str:
    rows: list[tuple[Cell, ...]] = []
    for bar in BARS:
        record = records.get(bar.benchmark)
        measured = None if record is None else record.bars.get(bar.key)
        standing = bar.judge(measured)
        rows.append(
            (
                bar.title,
                bar.target,
                None if measured is None else bar.shown(measured),
                _verdict(bar, standing, record, causes),
            )
        )
    table = Table(title="", columns=("bar", "target", "measured", "verdict"), rows=tuple(rows))
    return f"## The bars\n\n{markdown_table(table)}\n"


def _verdict(bar: Bar, standing: Standing, record: Record | None, causes: Mapping[str, str]) -> str:
    parts = [f"**{standing.value}**" if standing is Standing.NOT_MET else standing.value]
    if standing is Standing.NOT_MET:
        parts.append(f": {causes.get(bar.key, 'the cause has not been found yet')}")
    if record is not None and record.quick and standing is not Standing.NOT_MEASURED:
        parts.append(" (quick run: too short to be relied on)")
    return "".join(parts)


def _section(title: str, about: str, record: Record) -> str:
    lines = [f"## {title}", "", about, ""]
    for table in record.tables:
        lines += [f"**{table.title}**", "", markdown_table(table), ""]
        if table.note:
            lines += [table.note, ""]
    lines += ["How it was measured:", "", *(f"- {sentence}" for sentence in record.method), ""]
    quick = " This was a quick run." if record.quick else ""
    lines.append(
        f"Measured {record.measured_at} on {record.machine.text()}. Before it the load average "
        f"was {record.noise.load_average_before:g}; during it the hypervisor took "
        f"{record.noise.steal_percent:g} % of the time for others.{quick}"
    )
    if record.tools:
        told = "; ".join(f"{name}: {version}" for name, version in record.tools.items())
        lines += ["", f"Versions: {told}."]
    return "\n".join(lines) + "\n"


def markdown_table(table: Table) -> str:
    """A Markdown table; columns whose every value is a number stand to the right.

    Raises:
        BenchmarkError: a row has not one cell per column.
    """
    for row in table.rows:
        if len(row) != len(table.columns):
            raise BenchmarkError(f"table {table.title!r}: a row of {len(row)} cells: {row}")
    rule = ["---:" if _numeric(table.rows, at) else "---" for at in range(len(table.columns))]
    lines = [_row(table.columns), _row(rule), *(_row(row) for row in table.rows)]
    return "\n".join(lines)


def _row(cells: Sequence[Cell]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(cell: Cell) -> str:
    if cell is None:
        return "–"
    text = f"{cell:,g}" if isinstance(cell, float) else str(cell)
    return text.replace("|", "\\|").replace("\n", " ")


def _numeric(rows: Sequence[Sequence[Cell]], at: int) -> bool:
    cells = [row[at] for row in rows if row[at] is not None]
    return bool(cells) and all(
        not isinstance(cell, str) or cell.lstrip("+-−±* ")[:1].isdigit() for cell in cells
    )


def main(arguments: list[str] | None = None) -> int:
    """Read the options, write or check the page; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS_DIRECTORY)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--check", action="store_true", help="fail when the page is not current")
    options = parser.parse_args(arguments)
    try:
        text = render(read_results(options.results), read_causes())
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    if options.check:
        current = options.page.exists() and options.page.read_text() == text
        if not current:
            print(f"{options.page} is not current: run python -m benchmarks.page", file=sys.stderr)
        return 0 if current else 1
    options.page.write_text(text)
    print(f"written: {options.page}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
