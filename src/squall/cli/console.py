"""Where the output goes: the consoles, and what happens when nothing more can be written there.

Owns standard output and standard error: every console of the command line is made here.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

import typer
from rich.console import Console

PIPED_WIDTH = 120
"""Columns where the output is no terminal: wide enough for whole lines."""
_CLOSED_PIPE_STATUS = 128 + signal.SIGPIPE
"""What a shell reports of a Unix tool whose reader has gone."""


class OutputLost(Exception):
    """Standard output takes nothing more: its reader has gone, or its disk is full.

    No ``OSError``: click and rich end the program on some of those, each in its own way.
    """

    def __init__(self, error: OSError) -> None:
        self.reason = error.strerror or str(error)
        self.reader_gone = error.errno == errno.EPIPE
        super().__init__(self.reason)


class LastingConsole(Console):
    """A console that whatever is shown on it outlives: once it cannot be written, it is quiet."""

    lost: OutputLost | None = None
    """Why it went quiet."""

    def on_broken_pipe(self) -> None:
        """Go quiet, where rich would end the program."""
        self._mute(OutputLost(BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))))

    def _check_buffer(self) -> None:
        # Everything that rich writes, from whichever thread, is written in this method.
        try:
            super()._check_buffer()
        except OSError as error:
            self._mute(OutputLost(error))
        except OutputLost as lost:
            self._mute(lost)

    def _mute(self, lost: OutputLost) -> None:
        self.lost = self.lost or lost
        self.quiet = True


def make_console(
    no_color: bool = False, *, stderr: bool = False, piped_width: int | None = PIPED_WIDTH
) -> Console:
    """A console for what a command was asked to show; raises ``OutputLost`` where it cannot."""
    return Console(
        no_color=no_color or None,
        stderr=stderr,
        highlight=False,
        width=_width(stderr, piped_width),
    )


def lasting_console(
    no_color: bool = False, *, stderr: bool = False, piped_width: int | None = PIPED_WIDTH
) -> LastingConsole:
    """A console for what is shown beside the work."""
    return LastingConsole(
        no_color=no_color or None,
        stderr=stderr,
        highlight=False,
        width=_width(stderr, piped_width),
    )


def complain(text: str) -> None:
    """Say on standard error what went wrong, if anything can be said there."""
    with suppress(OSError):
        typer.echo(f"squall: {text}", err=True)


def complain_of_loss(console: LastingConsole) -> None:
    """Say that not everything was shown; nothing where the reader did not want more."""
    if console.lost is not None and not console.lost.reader_gone:
        complain(f"the output could not be written: {console.lost.reason}")


@contextmanager
def standard_streams() -> Iterator[None]:
    """For the time of a command: output that is lost ends it with a message and status 2.

    Where the reader of a pipe has gone, it ends as a Unix tool does, without a word.
    """
    before = sys.stdout
    sys.stdout = _guarded(before)
    try:
        yield
    except OutputLost as lost:
        if lost.reader_gone:
            sys.exit(_CLOSED_PIPE_STATUS)
        complain(f"the output could not be written: {lost.reason}")
        sys.exit(2)
    finally:
        for stream in (sys.stdout, sys.stderr):
            _settle(stream)
        sys.stdout = before


class _Guarded(io.FileIO):
    """A stream's file, below every buffer, so that nothing gets past it."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            raise OutputLost(error) from error


def _guarded(stream: TextIO) -> TextIO:
    if stream is None:  # it was closed before we were started
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Guarded(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.isatty(),
    )


def _settle(stream: TextIO | None) -> None:
    """Give up what cannot be written: the interpreter would try again at its end, and complain."""
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, OutputLost):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _width(stderr: bool, piped_width: int | None) -> int | None:
    stream: TextIO | None = sys.stderr if stderr else sys.stdout
    return None if stream is not None and stream.isatty() else piped_width
