"""Programs of ours as processes of their own: launched, ready, watched and ended.

They are known by their command line, their log and their ready file; nothing is imported from
them.
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
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from squall.errors import SquallError, TargetUnreachable

Progress = Callable[[str], None]
"""Takes a short sentence about what is being waited for."""

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.05
_LOG_LINES = 12
_LOG_TAIL_BYTES = 16_384


def silent(_: str) -> None:
    """Progress for callers that show none."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is launched. ``name`` and ``remedy`` are for messages about it."""

    name: str
    """With its article: ``the cloud twin``."""
    command: tuple[str, ...]
    """Without ``--ready-file``, which is added."""
    log_file: Path
    ready_file: Path
    remedy: str = "reinstall squall"
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to this process's own."""
    explain: Callable[[int, str], SquallError | None] = lambda _status, _log: None
    """A better error for an end during the start, from exit status and the end of the log."""


class LaunchedProcess:
    """One program that was launched. It ends with this process, however this one ends.

    Raises:
        TargetUnreachable: it cannot be launched.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._ready = False
        self._stopped_by_us = False
        program.ready_file.unlink(missing_ok=True)
        self._process = _launch(program)

    @property
    def pid(self) -> int:
        """Process id of its first process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether its first process is running."""
        return self._process.poll() is None

    def pids(self) -> tuple[int, ...]:
        """Process ids of its whole tree, its first process first; empty when it is not running."""
        if not self.alive:
            return ()
        try:
            first = psutil.Process(self.pid)
            return (first.pid, *(child.pid for child in first.children(recursive=True)))
        except psutil.NoSuchProcess:
            return ()

    def exit_reason(self) -> str | None:
        """How it ended, with the last lines of its log; None while it is running."""
        status = self._process.poll()
        return None if status is None else f"{exit_text(status)}{self.log_tail()}"

    async def wait_until_ready(
        self, timeout_s: float, looked: Callable[[], None] = lambda: None
    ) -> Mapping[str, Any]:
        """What it writes into its ready file; ``looked`` is called about 20 times a second.

        Raises:
            TargetUnreachable: it ends, or is not ready in time.
            SquallError: what ``explain`` makes of its end.
        """
        name, deadline = self.program.name, time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            status = self._process.poll()
            if status is not None:
                raise self.program.explain(status, self.log_text()) or TargetUnreachable(
                    f"{name} ended while starting: {exit_text(status)}{self.log_tail()}"
                )
            document = _read_ready(self.program.ready_file)
            if document is not None:
                self._ready = True
                return document
            looked()
            await asyncio.sleep(_POLL_S)
        raise TargetUnreachable(
            f"{name} was not ready after {timeout_s:g} s; is the machine very busy?"
            f"{self.log_tail()}"
        )

    async def stop(self, patience_s: float, unready_patience_s: float | None = None) -> bool:
        """Ask it to end, after ``patience_s`` end it by force; whether it ended in order.

        Harmless when it has ended. One that was not ready has nothing to lose, so its end is
        always in order, and it may be given less time.
        """
        orderly = self.alive or self._stopped_by_us
        self._stopped_by_us = True
        if self.alive:
            self._process.send_signal(signal.SIGTERM)
            less_s = patience_s if unready_patience_s is None else unready_patience_s
            await self._wait_for_end(patience_s if self._ready else less_s)
        if self.alive:
            orderly = not self._ready
            self._process.kill()
            await self._wait_for_end(patience_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # what is left of its process group
        return orderly

    def log_text(self) -> str:
        """The end of its log."""
        return read_tail(self.program.log_file)

    def log_tail(self) -> str:
        """The end of its log, as the end of a sentence."""
        lines = [line for line in self.log_text().splitlines() if line.strip()]
        if not lines:
            return "; it wrote nothing to its log"
        shown = "\n  ".join(lines[-_LOG_LINES:])
        return f"; its log ({self.program.log_file}) ends with\n  {shown}"

    async def _wait_for_end(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while self.alive and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)


def installed_command(name: str, remedy: str = "reinstall squall") -> str:
    """The program of that name beside this Python, else on the PATH.

    Raises:
        TargetUnreachable: it is in neither place.
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise TargetUnreachable(
            f"the {name} command is neither beside {sys.executable} nor on the PATH; {remedy}"
        )
    return found


def exit_text(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def read_tail(log_file: Path) -> str:
    """The last part of a log; empty where there is none."""
    try:
        with log_file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            return log.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _launch(program: Program) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)

    def end_with_parent() -> None:
        # A killed squall cannot clean up; the kernel then tells the program to end.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    try:
        with program.log_file.open("ab") as log:
            return subprocess.Popen(
                [*program.command, f"--ready-file={program.ready_file}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
                env=os.environ | dict(program.environment),
            )
    except OSError as error:
        raise TargetUnreachable(
            f"{program.command[0]}: {program.name} cannot be launched ({error.strerror});"
            f" {program.remedy}"
        ) from error


def _read_ready(ready_file: Path) -> Mapping[str, Any] | None:
    """A complete ready file's content, else None."""
    try:
        content = json.loads(ready_file.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("ready") else None
