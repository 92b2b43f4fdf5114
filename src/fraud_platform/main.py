"""The ``fraud-platform`` command."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from fraud_platform import __version__
from fraud_platform.check_services.arguments import add_arguments as add_check_arguments
from fraud_platform.errors import PlatformError, UsageError
from fraud_platform.options import ServeOptions
from fraud_platform.stream.arguments import add_stream_arguments, add_stream_commands


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; a ``PlatformError`` becomes one message and its exit status."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words and words[0] in ("_core", "_gateway"):
            _run_child(words)
        else:
            _run(_parser().parse_args(words))
    except PlatformError as error:
        if str(error):
            sys.stderr.write(f"fraud-platform: {error}\n")
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(4)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fraud-platform", description="A real-time multi-agent fraud platform."
    )
    parser.add_argument("--version", action="version", version=f"fraud-platform {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="answer transactions over HTTP")
    _add_serving(serve)
    add_stream_arguments(serve)
    add_stream_commands(commands)
    train = commands.add_parser("train", help="learn from a history and keep the model")
    for command in (serve, train):
        _add(command, "--data-dir", "where decisions and the model are kept", required=True)
        _add(command, "--model-dir", "keep learned models here instead, to share them")
        _add(command, "--history", "labelled transactions to learn from (Parquet)")
    add_check_arguments(commands.add_parser("checks", help="serve stand-ins for external checks"))
    return parser


def _add_serving(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (loopback)")
    serve.add_argument("--port", type=int, default=8400, help="port; 0 takes a free one")
    serve.add_argument(
        "--processes",
        type=int,
        default=None,
        metavar="N",
        help="1: all in one; else one decides and the rest speak HTTP (stream mode: 1)",
    )
    serve.add_argument(
        "--queue-limit",
        type=int,
        default=20_000,
        metavar="N",
        help="transactions that may wait before more are turned away with 503 (20000)",
    )
    serve.add_argument(
        "--power-safe",
        action="store_true",
        help="decisions survive a loss of power too (one fsync per commit)",
    )
    serve.add_argument(
        "--disturb",
        action="append",
        default=[],
        metavar="AGENT:WHAT",
        help="make an agent fail or late: AGENT:fail, AGENT:delay_ms=N",
    )
    serve.add_argument(
        "--allow-disturbance",
        action="store_true",
        help="let agents and gateways be disturbed over HTTP while it runs, for tests",
    )
    _add(serve, "--ready-file", "write the ready line there as well")
    _add(serve, "--block-list", "blocked parties and countries (JSON)")


def _add(command: argparse.ArgumentParser, name: str, text: str, *, required: bool = False) -> None:
    command.add_argument(name, metavar="PATH", help=text, required=required)


def _run(given: argparse.Namespace) -> None:
    if given.command == "checks":
        from fraud_platform.check_services.process import run_checks

        run_checks(given)
        return
    if given.command in ("resources", "audit", "dead-letters"):
        _need_aws_libraries()
        from fraud_platform.stream.commands import run_command

        run_command(given, _model_options(given))
        return
    data_dir, model_dir, history = _places(given)
    if given.command == "train":
        _train(model_dir, history)
        return
    streaming = given.mode == "stream"
    processes = given.processes or (1 if streaming else _default_processes())
    if not 0 <= given.port <= 65_535:
        raise UsageError(f"--port {given.port}: must be 0 to 65535")
    if given.processes is not None and not 1 <= given.processes <= 64:
        raise UsageError(f"--processes {given.processes}: must be 1 to 64")
    if streaming and processes != 1:
        raise UsageError(
            f"--processes {processes}: a gateway in stream mode is one process; start several"
            " with --no-scaling for all but one"
        )
    if not 1 <= given.queue_limit <= 1_000_000:
        raise UsageError(f"--queue-limit {given.queue_limit}: must be 1 to 1000000")
    options = ServeOptions(
        host=given.host, port=given.port, data_dir=str(data_dir), model_dir=str(model_dir),
        history=history, processes=processes, ready_file=given.ready_file,
        queue_limit=given.queue_limit,
        power_safe=given.power_safe, block_list=given.block_list, disturb=tuple(given.disturb),
        allow_disturbance=given.allow_disturbance,
    )  # fmt: skip
    options.core()  # bad options are reported before anything is started
    if streaming:
        _need_aws_libraries()
        from fraud_platform.stream.commands import run_serve

        run_serve(given, options)
        return
    from fraud_platform.serving import Supervisor, serve_in_one_process

    if options.processes == 1:
        serve_in_one_process(options)
    else:
        Supervisor(options).run()


def _need_aws_libraries() -> None:
    if importlib.util.find_spec("boto3") is None:
        raise UsageError('stream mode needs the AWS libraries: pip install "squall[aws]"')


def _places(given: argparse.Namespace) -> tuple[Path, Path, str | None]:
    """Data directory (made where it is missing), model directory and history."""
    data_dir = Path(given.data_dir).absolute()
    model_dir = Path(given.model_dir).absolute() if given.model_dir else data_dir
    _make(data_dir)
    return data_dir, model_dir, str(Path(given.history).absolute()) if given.history else None


def _model_options(given: argparse.Namespace) -> ServeOptions | None:
    """Where ``resources create`` finds a model and a block list to store, if it is told."""
    block_list = getattr(given, "block_list", None)
    if getattr(given, "data_dir", None) is None:
        if block_list is not None:
            raise UsageError(f"--block-list {block_list}: needs --data-dir, where the model is")
        return None
    data_dir, model_dir, history = _places(given)
    return ServeOptions(
        host="", port=0, data_dir=str(data_dir), model_dir=str(model_dir), history=history,
        processes=1, ready_file=None, queue_limit=1, power_safe=False, block_list=block_list,
        disturb=(),
    )  # fmt: skip


def _run_child(words: list[str]) -> None:
    from fraud_platform.serving import run_core_process, run_gateway_process

    options, address, parent = ServeOptions.from_json(words[1]), words[2], int(words[3])
    if words[0] == "_core":
        run_core_process(options, address, parent, int(words[4]))
    else:
        run_gateway_process(options, address, parent, int(words[4]), int(words[5]))


def _train(model_dir: Path, history: str | None) -> None:
    from fraud_platform.learning.cache import obtain_model

    if history is None:
        raise UsageError("train needs --history FILE.parquet")
    model = obtain_model(model_dir, Path(history))
    recall, false_positives = model.figures["recall"], model.figures["false_positives"]
    sys.stdout.write(
        f"{model_dir}: finds {recall:.1%} of the fraud at {false_positives:.2%} false positives"
        " on the last part of the history\n"
    )


def _make(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not os.access(data_dir, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise UsageError(
            f"{data_dir}: cannot be used ({error.strerror}); choose another --data-dir"
        ) from error


def _default_processes() -> int:
    """One decides, one speaks HTTP; from four processors on two do."""
    processors = len(os.sched_getaffinity(0))
    return 1 if processors == 1 else 2 if processors < 4 else 3
