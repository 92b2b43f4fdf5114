"""The cloud twin as a process: launched, ready, ended.

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
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from squall.errors import ConfigurationError, TargetUnreachable

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.05
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 15.0
_LOG_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class TwinOptions:
    """How to launch it: ``command`` instead of the ``cloud-twin`` installed beside squall."""

    port: int = 0
    seed: int = 0
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunningTwin:
    """A twin that is ready."""

    process: subprocess.Popen[bytes]
    url: str
    log_file: Path

    def pids(self) -> tuple[int, ...]:
        """Process ids of its whole tree, functions included; empty when it is not running."""
        try:
            first = psutil.Process(self.process.pid)
            return (first.pid, *(child.pid for child in first.children(recursive=True)))
        except psutil.NoSuchProcess:
            return ()


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
                f"{log_tail(log_file)}"
            )
        with contextlib.suppress(OSError, ValueError, KeyError):
            return str(json.loads((folder / "ready.json").read_bytes())["url"])
        await pause(ended)
    raise TargetUnreachable(
        f"the cloud twin was not ready after {_START_TIMEOUT_S:g} s;"
        f" is the machine very busy?{log_tail(log_file)}"
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


def log_tail(log_file: Path) -> str:
    """The end of its log, as the end of a sentence."""
    text = _log_text(log_file)
    if not text:
        return "; it wrote nothing to its log"
    shown = "\n  ".join(text.splitlines()[-12:])
    return f"; its log ({log_file}) ends with\n  {shown}"


async def pause(ended: asyncio.Event) -> None:
    """A moment, or less when ``ended`` is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), _POLL_S)
