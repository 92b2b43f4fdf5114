"""The options of ``fraud-platform checks``; light, as every command's parser loads them."""

from __future__ import annotations

import argparse


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The options of ``fraud-platform checks``."""
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (loopback)")
    command.add_argument("--port", type=int, default=8420, help="port; 0 takes a free one")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="of the answers (0)")
    command.add_argument("--ready-file", metavar="PATH", help="write the ready line there as well")
