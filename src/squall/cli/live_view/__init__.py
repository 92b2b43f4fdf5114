"""The run as a user watches it: a live view in a terminal, plain lines everywhere else."""

from squall.cli.live_view.plain import PlainView
from squall.cli.live_view.screen import Screen, Silence, is_live, plain_screen, redrawn
from squall.cli.live_view.view import LiveView, RunHeader

__all__ = [
    "LiveView",
    "PlainView",
    "RunHeader",
    "Screen",
    "Silence",
    "is_live",
    "plain_screen",
    "redrawn",
]
