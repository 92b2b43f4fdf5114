"""``squall data``: make files of labelled transactions, and describe them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from squall.cli.console import lasting_console, make_console
from squall.errors import ConfigurationError
from squall.load_generator.transactions import FactorySpec, mix_named
from squall.load_generator.transactions.datafile import read_table
from squall.load_generator.transactions.describe import statistics
from squall.load_generator.transactions.files import (
    CHUNK_ROWS,
    check_path,
    table_of,
    write_transactions,
)
from squall.models import Verdict
from squall.models.scenario import DEFAULT_SEED

app = typer.Typer(help="Make and describe files of labelled transactions.", no_args_is_help=True)

_RUN_TAG = "gen00000"
_REFERENCE_LAG = 1_000  # nobody answers a file: refunds need only follow their purchases


@app.command()
def generate(
    out: Annotated[Path, typer.Option("--out", help="File to write: .parquet, .csv or .jsonl.")],
    count: int = typer.Option(100_000, "--count", min=1, help="How many transactions."),
    seed: int = typer.Option(DEFAULT_SEED, "--seed", min=0, help="Same seed, same transactions."),
    mix: str = typer.Option(
        "stress", "--mix", help="stress (80/15/5), high, realistic, low or legitimate."
    ),
    labels: bool = typer.Option(True, "--labels/--no-labels", help="Add the ground truth."),
    population: int | None = typer.Option(
        None, "--population", help="Customers; fitted if left out."
    ),
    until: float | None = typer.Option(
        None, "--until", help="Unix time at which the transactions end; now if left out."
    ),
) -> None:
    """Write labelled transactions to a file."""
    check_path(out)
    spec = FactorySpec(
        seed=seed, planned=count, epoch_s=time.time() if until is None else until,
        mix=mix_named(mix), population=population,
        reference_lag=_REFERENCE_LAG,
    )  # fmt: skip
    source = spec.build(_RUN_TAG)
    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
    try:
        console = lasting_console(piped_width=None)
        with Progress(*columns, TimeRemainingColumn(), transient=True, console=console) as progress:
            task = progress.add_task(out.name, total=count)
            write_transactions(
                source, count, out, labels, lambda done: progress.update(task, completed=done)
            )
    except KeyboardInterrupt:
        typer.echo(f"squall: interrupted; {out} was not written", err=True)
        raise typer.Exit(Verdict.ABORTED.exit_status) from None
    typer.echo(f"{out}: {count:,} transactions, seed {seed}, mix {mix}")


@app.command()
def describe(
    file: Annotated[Path | None, typer.Argument(help="A .parquet, .csv or .jsonl file.")] = None,
    seed: int | None = typer.Option(None, "--seed", min=0, help="Describe what a seed would give."),
    count: int = typer.Option(200_000, "--count", min=100, help="With --seed: how many."),
    mix: str = typer.Option("stress", "--mix", help="With --seed: which mix."),
) -> None:
    """Show the statistics of transactions beside those aimed at."""
    if (file is None) == (seed is None):
        raise ConfigurationError("describe: give either a file or --seed")
    if file is not None:
        name, data = str(file), read_table(file)
    else:
        assert seed is not None
        name, data = f"seed {seed}, {mix} mix", _made(seed, count, mix)
    table = Table(title=name)
    for heading in ("statistic", "measured", "aim", "source of the aim"):
        table.add_column(heading, overflow="fold")
    for line in statistics(data, name):
        table.add_row(line.name, line.measured, line.aim, line.source)
    make_console(piped_width=None).print(table)


def _made(seed: int, count: int, mix: str) -> pa.Table:
    spec = FactorySpec(
        seed=seed,
        planned=count,
        epoch_s=time.time(),
        mix=mix_named(mix),
        reference_lag=_REFERENCE_LAG,
    )
    source = spec.build(_RUN_TAG)
    starts = range(0, count, CHUNK_ROWS)
    return pa.concat_tables(
        table_of(source.batch(np.arange(s, min(s + CHUNK_ROWS, count))), labels=True)
        for s in starts
    )
