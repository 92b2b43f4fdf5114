"""``squall twin``: the cloud twin, a loopback AWS, in the foreground.

It is known by its command line and its ready file only; nothing is imported from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from squall.errors import ConfigurationError, TargetUnreachable

DEFAULT_PORT = 8710
_PR_SET_PDEATHSIG = 1
_POLL_S = 0.05
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 15.0
_LOG_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class TwinOptions:
    """How to launch it: ``command`` instead of the ``cloud-twin`` installed beside squall."""

    port: int = DEFAULT_PORT
    seed: int = 0
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunningTwin:
    """A twin that is ready."""

    process: subprocess.Popen[bytes]
    url: str
    log_file: Path


def twin(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on loopback; 0 takes a free one.")
    ] = DEFAULT_PORT,
    seed: Annotated[int, typer.Option(help="Seed of everything the twin draws.")] = 0,
) -> None:
    """Run the cloud twin, a loopback AWS, until Ctrl-C.

    Kinesis, DynamoDB, Lambda, SQS, S3, Bedrock and CloudWatch with AWS's limits and errors.
    """
    options = TwinOptions(port=port, seed=seed)
    asyncio.run(serve(options, Console(stderr=True, highlight=False), typer.echo))


async def serve(options: TwinOptions, waiting: Console, say: Callable[[str], None]) -> None:
    """Launch the twin and watch it until SIGINT or SIGTERM.

    Raises ``ConfigurationError`` where it refuses to start and ``TargetUnreachable`` where it is
    missing, does not become ready, or ends by itself.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, ended.set)
    try:
        with waiting.status("starting the cloud twin"):
            stack = contextlib.AsyncExitStack()
            running = await stack.enter_async_context(launched(options, ended))
        async with stack:
            if running is None:
                return
            say(announcement(running.url, running.log_file))
            while running.process.poll() is None and not ended.is_set():
                await _pause(ended)
            if not ended.is_set():
                raise TargetUnreachable(
                    f"the cloud twin ended by itself: exit status {running.process.returncode}"
                    f"{_log_tail(running.log_file)}"
                )
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def announcement(url: str, log_file: Path) -> str:
    """Where it is, and how to use it."""
    return (
        f"The cloud twin is at {url} (Ctrl-C ends it; log: {log_file}).\n"
        "In another terminal, for boto3, the AWS command line and everything built on them:\n"
        f"  export AWS_ENDPOINT_URL={url} AWS_DEFAULT_REGION=us-east-1\n"
        "  export AWS_ACCESS_KEY_ID=twin AWS_SECRET_ACCESS_KEY=twin\n"
        "  aws kinesis create-stream --stream-name payments --shard-count 4\n"
        f"Limits:     curl -s {url}/_twin/limits\n"
        f"Usage:      curl -s {url}/_twin/meter\n"
        f"A fault:    curl -s {url}/_twin/faults -d '{example_fault()}'\n"
        f"Start over: curl -s -X POST {url}/_twin/reset"
    )


def example_fault() -> str:
    """A fault plan: for a minute, every tenth write to any stream is throttled."""
    plan = {
        "service": "kinesis",
        "operation": "PutRecords",
        "probability": 0.1,
        "when": "before",
        "error": {"code": "ProvisionedThroughputExceededException"},
        "lease_s": 60,
    }
    return json.dumps(plan)


@contextlib.asynccontextmanager
async def launched(options: TwinOptions, ended: asyncio.Event) -> AsyncIterator[RunningTwin | None]:
    """A twin that is ready, or None where ``ended`` is set before it is; ended with the block.

    Its log is removed after an orderly end and kept after any other.
    """
    folder = Path(tempfile.mkdtemp(prefix="squall-twin-"))
    process = _launch(options, folder)
    orderly = False
    try:
        url = await _ready(process, folder, ended)
        yield None if url is None else RunningTwin(process, url, folder / "twin.log")
        orderly = process.poll() is None
    finally:
        await _stop(process)
        if orderly:
            shutil.rmtree(folder, ignore_errors=True)


def _launch(options: TwinOptions, folder: Path) -> subprocess.Popen[bytes]:
    command = options.command or (_installed_command(),)
    arguments = [
        *command,
        f"--port={options.port}",
        f"--seed={options.seed}",
        f"--ready-file={folder / 'ready.json'}",
    ]
    parent = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)

    def end_with_parent() -> None:
        # A killed squall cannot clean up; the kernel then tells the twin to end.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    try:
        with (folder / "twin.log").open("ab") as log:
            return subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )
    except OSError as error:
        raise TargetUnreachable(
            f"{arguments[0]}: the cloud twin cannot be launched ({error.strerror});"
            " reinstall squall"
        ) from error


async def _ready(
    process: subprocess.Popen[bytes], folder: Path, ended: asyncio.Event
) -> str | None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    log_file = folder / "twin.log"
    while time.monotonic() < deadline:
        if ended.is_set():
            return None
        if process.poll() == 2:  # its own message says what to change
            raise ConfigurationError(_last_line(log_file).removeprefix("cloud-twin: "))
        if process.poll() is not None:
            raise TargetUnreachable(
                f"the cloud twin ended while starting: exit status {process.returncode}"
                f"{_log_tail(log_file)}"
            )
        with contextlib.suppress(OSError, ValueError, KeyError):
            return str(json.loads((folder / "ready.json").read_bytes())["url"])
        await _pause(ended)
    raise TargetUnreachable(
        f"the cloud twin was not ready after {_START_TIMEOUT_S:g} s;"
        f" is the machine very busy?{_log_tail(log_file)}"
    )


async def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        while process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
    if process.poll() is None:
        process.kill()
        process.wait()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # what is left of its functions


def _installed_command() -> str:
    beside = Path(sys.executable).parent / "cloud-twin"
    found = str(beside) if beside.exists() else shutil.which("cloud-twin")
    if found is None:
        raise TargetUnreachable(
            f"the cloud-twin command is neither beside {sys.executable} nor on the PATH;"
            " reinstall squall"
        )
    return found


def _log_text(log_file: Path) -> str:
    try:
        return log_file.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _last_line(log_file: Path) -> str:
    return (_log_text(log_file) or "the cloud twin refused to start").splitlines()[-1]


def _log_tail(log_file: Path) -> str:
    text = _log_text(log_file)
    if not text:
        return "; it wrote nothing to its log"
    shown = "\n  ".join(text.splitlines()[-12:])
    return f"; its log ({log_file}) ends with\n  {shown}"


async def _pause(ended: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), _POLL_S)
