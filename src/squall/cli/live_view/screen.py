"""Puts a view on a console: redrawn in place on a terminal, line by line elsewhere."""

from __future__ import annotations

import asyncio
import sys
import termios
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Protocol, TextIO

from rich.console import Console
from rich.live import Live

from squall.cli.live_view.plain import PlainView
from squall.cli.live_view.view import LiveView
from squall.models import LiveSnapshot

REDRAW_S = 0.25
"""A redraw costs some milliseconds on cores that the load needs too."""


class Screen(Protocol):
    """What a run is shown on."""

    def tell(self, text: str) -> None:
        """Show a step of the preparation, or something that happened."""
        ...

    def update(self, snapshot: LiveSnapshot) -> None:
        """Take the newest state of the run."""
        ...


class Silence:
    """Shows nothing."""

    def tell(self, text: str) -> None:
        """Nothing."""

    def update(self, snapshot: LiveSnapshot) -> None:
        """Nothing."""


def is_live(console: Console, environment: Mapping[str, str]) -> bool:
    """Whether the console is a terminal on which a view can be redrawn in colour."""
    return (
        console.is_terminal
        and not console.is_dumb_terminal
        and not console.no_color
        and not environment.get("CI")
        and console.encoding.lower().startswith("utf")
    )


def plain_screen(console: Console) -> PlainView:
    """Lines on this console, in characters that it has."""

    def write(text: str) -> None:
        known = text.encode(console.encoding, "replace").decode(console.encoding)
        console.print(known, soft_wrap=True, markup=False, highlight=False)

    return PlainView(write)


@asynccontextmanager
async def redrawn(view: LiveView, console: Console) -> AsyncIterator[LiveView]:
    """Redraw the view in place until the end of the block, then take it away."""
    live = Live(view, console=console, auto_refresh=False, transient=True, vertical_overflow="crop")
    with silent_keys(sys.stdin), live:
        drawing = asyncio.create_task(_redraw(live))
        try:
            yield view
        finally:
            drawing.cancel()
            with suppress(asyncio.CancelledError):
                await drawing


@contextmanager
def silent_keys(keyboard: TextIO) -> Iterator[None]:
    """Do not echo what is typed during the block: ``^C`` would shift the picture by a line."""
    if not keyboard.isatty():
        yield
        return
    number = keyboard.fileno()
    before = termios.tcgetattr(number)
    silent = termios.tcgetattr(number)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(number, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal may have gone in the meantime
            termios.tcsetattr(number, termios.TCSADRAIN, before)


async def _redraw(live: Live) -> None:
    while True:
        live.refresh()
        await asyncio.sleep(REDRAW_S)
