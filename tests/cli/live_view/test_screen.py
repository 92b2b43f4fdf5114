from __future__ import annotations

import io
import os
import pty
import termios

from rich.console import Console
from tests.cli.live_view.snapshots import PROFILE, SNAPSHOT
from tests.cli.live_view.test_view import HEADER

from squall.cli.live_view import LiveView, redrawn
from squall.cli.live_view.screen import silent_keys


def echoes(number: int) -> bool:
    return bool(termios.tcgetattr(number)[3] & termios.ECHO)


def test_keys_are_not_echoed_while_the_view_is_shown() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as keyboard:
        assert echoes(theirs)
        with silent_keys(keyboard):
            assert not echoes(theirs)
        assert echoes(theirs)
    os.close(ours)


def test_a_keyboard_that_is_no_terminal_is_left_alone() -> None:
    with silent_keys(io.StringIO()):
        pass


async def test_the_view_is_drawn_and_taken_away() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=110, height=40)
    view = LiveView(HEADER, PROFILE)
    async with redrawn(view, console) as shown:
        shown.update(SNAPSHOT)
    text = stream.getvalue()
    assert "peak_load" in text
    # As many lines are erased at the end as were drawn last.
    last = len(view.lines(110, 39))
    assert text.endswith("\x1b[1A\x1b[2K" * last)
