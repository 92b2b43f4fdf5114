"""The reference fraud platform as a process of its own: launched, watched and stopped.

Owns the process, its log and its data directory. It knows the platform by its command line and
its answers only; nothing is imported from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

from squall.errors import ConfigurationError, TargetUnreachable
from squall.targets.platform_history import ensure_history

Progress = Callable[[str], None]
"""Takes a short sentence about what is being waited for."""

HOST = "127.0.0.1"
_PR_SET_PDEATHSIG = 1
_POLL_S = 0.05
_UNREADY_S = 2.0
"""How long one that is not ready yet may take to end when asked."""
_LOG_LINES = 12
_LOG_TAIL_BYTES = 16_384
_LOG_PREFIX = re.compile(r"^\S+ \S+ [A-Z]+ ")
"""Date, time and level, as Python's logging writes them."""


def _silent(_: str) -> None:
    """Progress for callers that show none."""


@dataclass(frozen=True, slots=True)
class PlatformOptions:
    """How to launch the platform.

    ``port`` 0 takes a free one. ``data_dir`` None is a temporary directory, removed after an
    orderly stop and kept after any other end. ``command`` is what to run instead of the
    ``fraud-platform`` that is installed beside squall; ``history`` what to learn from instead of
    the cached one.
    """

    cache_dir: Path
    port: int = 0
    data_dir: Path | None = None
    processes: int | None = None
    start_timeout_s: float = 300.0
    """The first start learns a model, which takes a while on a busy machine."""
    stop_timeout_s: float = 20.0
    command: tuple[str, ...] = ()
    history: Path | None = None
    arguments: tuple[str, ...] = ()
    """More arguments of ``fraud-platform serve``."""
    environment: dict[str, str] = field(default_factory=dict)
    """Added to the process's environment."""


class PlatformProcess:
    """A running fraud platform: ``async with PlatformProcess(options) as platform``.

    Entering raises ``ConfigurationError`` for a port in use or a directory that cannot be
    written, and ``TargetUnreachable`` where the platform is missing, dies at its start or is not
    ready in time; the message ends with the last lines of its log.
    """

    def __init__(self, options: PlatformOptions, progress: Progress = _silent) -> None:
        self._options = options
        self._progress = progress
        self._process: subprocess.Popen[bytes] | None = None
        self._data_dir: Path | None = None
        self._port = 0
        self._stopped_by_us = False

    async def __aenter__(self) -> PlatformProcess:
        """Launch it and wait until it is ready."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        await self.stop()

    @property
    def base_url(self) -> str:
        """``http://host:port``, without a slash at the end."""
        return f"http://{HOST}:{self._port}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def pid(self) -> int:
        """Process id of the platform's first process."""
        assert self._process is not None, "the platform has not been launched"
        return self._process.pid

    @property
    def data_dir(self) -> Path:
        """Where its decisions and its log are."""
        assert self._data_dir is not None, "the platform has not been launched"
        return self._data_dir

    @property
    def log_file(self) -> Path:
        """Everything it wrote to standard output and standard error."""
        return self.data_dir / "platform.log"

    @property
    def alive(self) -> bool:
        """Whether its first process is running."""
        return self._process is not None and self._process.poll() is None

    def pids(self) -> tuple[int, ...]:
        """Process ids of its whole tree; empty when it is not running."""
        if not self.alive:
            return ()
        try:
            first = psutil.Process(self.pid)
            return (first.pid, *(child.pid for child in first.children(recursive=True)))
        except psutil.NoSuchProcess:
            return ()

    def exit_reason(self) -> str | None:
        """How it ended, with the last lines of its log; None while it is running."""
        if self._process is None or self._process.poll() is None:
            return None
        return f"{_exit_text(self._process.returncode)}{self._log_tail()}"

    async def stop(self) -> None:
        """Ask it to end; after ``stop_timeout_s`` end it by force. Harmless when it has ended."""
        if self._process is None:
            self._discard(orderly=True)
            return
        orderly = self._process.poll() is None or self._stopped_by_us
        self._stopped_by_us = True
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            patience_s = self._options.stop_timeout_s
            await self._wait_for_end(patience_s if self._port else min(patience_s, _UNREADY_S))
        if self._process.poll() is None:
            orderly = not self._port  # before it was ready there was nothing to lose
            self._process.kill()
            await self._wait_for_end(self._options.stop_timeout_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)  # what is left of its process group
        self._discard(orderly)

    async def _start(self) -> None:
        command = self._options.command or (_installed_command(),)
        if self._options.port:
            _require_free(self._options.port)
        self._data_dir = self._make_data_dir()
        history = self._options.history or await ensure_history(
            self._options.cache_dir, self._progress
        )
        ready_file = self._data_dir / "ready.json"
        ready_file.unlink(missing_ok=True)
        arguments = [
            *command,
            "serve",
            f"--host={HOST}",
            f"--port={self._options.port}",
            f"--data-dir={self._data_dir}",
            f"--history={history}",
            f"--ready-file={ready_file}",
            f"--model-dir={self._options.cache_dir}",
        ]
        arguments += self._options.arguments
        if self._options.processes is not None:
            arguments.append(f"--processes={self._options.processes}")
        self._process = self._launch(arguments)
        await self._wait_until_ready(ready_file)

    def _make_data_dir(self) -> Path:
        if self._options.data_dir is None:
            return Path(tempfile.mkdtemp(prefix="squall-platform-"))
        directory = self._options.data_dir.expanduser().absolute()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "platform.log").open("ab").close()
        except OSError as error:
            raise ConfigurationError(
                f"{directory}: cannot be used as the platform's data directory"
                f" ({error.strerror}); choose a directory you can write with --data-dir"
            ) from error
        return directory

    def _launch(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        parent = os.getpid()
        libc = ctypes.CDLL(None, use_errno=True)

        def end_with_parent() -> None:
            # A killed squall cannot clean up; the kernel then tells the platform to end.
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

        try:
            with self.log_file.open("ab") as log:
                return subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
                    env=os.environ | self._options.environment,
                )
        except OSError as error:
            raise TargetUnreachable(
                f"{arguments[0]}: the fraud platform cannot be launched ({error.strerror});"
                " reinstall squall, or give --target URL to use a system of your own"
            ) from error

    async def _wait_until_ready(self, ready_file: Path) -> None:
        deadline = time.monotonic() + self._options.start_timeout_s
        said = ""
        self._progress("starting the fraud platform")
        while time.monotonic() < deadline:
            if not self.alive:
                raise TargetUnreachable(self._start_failure())
            ready = _read_ready(ready_file)
            if ready is not None:
                self._port = ready
                return
            last = self._last_log_line()
            if last != said:
                said = last
                self._progress(f"starting the fraud platform: {last}")
            await asyncio.sleep(_POLL_S)
        raise TargetUnreachable(
            f"the fraud platform was not ready after {self._options.start_timeout_s:g} s;"
            f" is the machine very busy?{self._log_tail()}"
        )

    def _start_failure(self) -> str:
        assert self._process is not None
        text = self._read_log_tail()
        if "libgomp" in text:
            return (
                "the fraud platform needs the system library libgomp (OpenMP), which is missing;"
                " install it: apt-get install libgomp1 (Debian, Ubuntu) or"
                " dnf install libgomp (Fedora)"
            )
        if "already in use" in text.lower():
            return f"port {self._options.port} is in use; choose another with --port"
        return (
            "the fraud platform ended while starting:"
            f" {_exit_text(self._process.returncode)}{self._log_tail()}"
        )

    async def _wait_for_end(self, timeout_s: float) -> None:
        assert self._process is not None
        deadline = time.monotonic() + timeout_s
        while self._process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)

    def _discard(self, orderly: bool) -> None:
        """Remove a temporary data directory, unless it is evidence of a disorderly end."""
        temporary = self._options.data_dir is None
        if temporary and orderly and self._data_dir is not None:
            shutil.rmtree(self._data_dir, ignore_errors=True)

    def _read_log_tail(self) -> str:
        try:
            with self.log_file.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
                return log.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def _last_log_line(self) -> str:
        lines = self._read_log_tail().strip().splitlines()
        return _LOG_PREFIX.sub("", lines[-1].strip()) if lines else ""

    def _log_tail(self) -> str:
        lines = [line for line in self._read_log_tail().splitlines() if line.strip()]
        if not lines:
            return "; it wrote nothing to its log"
        shown = "\n  ".join(lines[-_LOG_LINES:])
        return f"; its log ({self.log_file}) ends with\n  {shown}"


def _installed_command() -> str:
    beside = Path(sys.executable).parent / "fraud-platform"
    found = str(beside) if beside.exists() else shutil.which("fraud-platform")
    if found is None:
        raise TargetUnreachable(
            f"the fraud-platform command is neither beside {sys.executable} nor on the PATH;"
            " reinstall squall, or give --target URL to use a system of your own"
        )
    return found


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ConfigurationError(
                f"--port {port}: cannot be used ({error.strerror}); stop what listens there,"
                " choose another port, or leave --port out to take a free one"
            ) from error


def _read_ready(ready_file: Path) -> int | None:
    """The port in a complete ready file, else None."""
    try:
        content = json.loads(ready_file.read_bytes())
    except (OSError, ValueError):
        return None
    port = content.get("port") if isinstance(content, dict) and content.get("ready") else None
    return port if isinstance(port, int) else None


def _exit_text(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
