"""The ``squall`` command: its commands, and what a user sees of an error."""

from __future__ import annotations

import sys

import typer

from squall import __version__
from squall.cli.console import complain, standard_streams
from squall.cli.data import app as data
from squall.cli.demo import demo
from squall.cli.doctor import doctor
from squall.cli.limit import limit
from squall.cli.platform import platform
from squall.cli.run import run
from squall.cli.runs import runs
from squall.cli.scenarios import scenarios
from squall.cli.twin import twin
from squall.errors import SquallError

app = typer.Typer(
    name="squall",
    help="Stress testing for real-time payment and fraud-detection systems.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"squall {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Stress testing for real-time payment and fraud-detection systems."""


app.command()(run)
app.add_typer(scenarios, name="scenarios")
app.command()(demo)
app.command()(limit)
app.command()(platform)
app.command()(twin)
app.add_typer(data, name="data")
app.command()(doctor)
app.add_typer(runs, name="runs")


def main() -> None:
    """Run the command line; a ``SquallError`` becomes one message and its exit status."""
    with standard_streams():
        try:
            app(standalone_mode=True)
        except SquallError as error:
            complain("\n".join((str(error), *getattr(error, "__notes__", ()))))
            sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
