"""The ``cloud-twin`` command."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from cloud_twin import __version__
from cloud_twin.errors import TwinError

DEFAULT_PORT = 8710


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; a ``TwinError`` becomes one message and its exit status."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    given = _parser().parse_args(arguments)
    try:
        if not 0 <= given.port <= 65_535:
            raise TwinError(f"--port {given.port}: must be 0 to 65535")
        _serve(given)
    except TwinError as error:
        sys.stderr.write(f"cloud-twin: {error}\n")
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(4)


def _serve(given: argparse.Namespace) -> None:
    try:
        from cloud_twin.server.serving import ServeOptions, serve
    except ModuleNotFoundError as error:
        raise TwinError(f"{error}; install it: pip install 'squall[twin]'") from error
    serve(ServeOptions(given.host, given.port, given.ready_file, given.seed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cloud-twin",
        description="A loopback AWS with limits, throttling, faults and a bill.",
    )
    parser.add_argument("--version", action="version", version=f"cloud-twin {__version__}")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address (127.0.0.1)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"port; 0 takes a free one ({DEFAULT_PORT})"
    )
    parser.add_argument("--ready-file", metavar="PATH", help="write the ready line there as well")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of everything that is drawn (0)"
    )
    return parser


if __name__ == "__main__":
    main()
