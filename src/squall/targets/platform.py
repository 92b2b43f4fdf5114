"""The reference fraud platform as a process of its own: launched, watched and stopped.

Owns the process, its log and its data directory. It knows the platform by its command line and
its answers only; nothing is imported from it.
"""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from squall.errors import ConfigurationError, SquallError, TargetUnreachable
from squall.targets.launching import (
    LaunchedProcess,
    Program,
    Progress,
    installed_command,
    silent,
)
from squall.targets.platform_history import ensure_history

HOST = "127.0.0.1"
_UNREADY_S = 2.0
"""How long one that is not ready yet may take to end when asked."""
_LOG_PREFIX = re.compile(r"^\S+ \S+ [A-Z]+ ")
"""Date, time and level, as Python's logging writes them."""
_REMEDY = "reinstall squall, or give --target URL to use a system of your own"


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

    def __init__(self, options: PlatformOptions, progress: Progress = silent) -> None:
        self._options = options
        self._progress = progress
        self._process: LaunchedProcess | None = None
        self._data_dir: Path | None = None
        self._port = 0

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
        return self._process is not None and self._process.alive

    def pids(self) -> tuple[int, ...]:
        """Process ids of its whole tree; empty when it is not running."""
        return () if self._process is None else self._process.pids()

    def exit_reason(self) -> str | None:
        """How it ended, with the last lines of its log; None while it is running."""
        return None if self._process is None else self._process.exit_reason()

    async def stop(self) -> None:
        """Ask it to end; after ``stop_timeout_s`` end it by force. Harmless when it has ended."""
        orderly = True
        if self._process is not None:
            orderly = await self._process.stop(
                self._options.stop_timeout_s, min(self._options.stop_timeout_s, _UNREADY_S)
            )
        self._discard(orderly)

    async def _start(self) -> None:
        options = self._options
        command = options.command or (installed_command("fraud-platform", _REMEDY),)
        if options.port:
            _require_free(options.port)
        self._data_dir = self._make_data_dir()
        history = options.history or await ensure_history(options.cache_dir, self._progress)
        arguments = [
            *command,
            "serve",
            f"--host={HOST}",
            f"--port={options.port}",
            f"--data-dir={self._data_dir}",
            f"--history={history}",
            f"--model-dir={options.cache_dir}",
            *options.arguments,
        ]
        if options.processes is not None:
            arguments.append(f"--processes={options.processes}")
        process = self._process = LaunchedProcess(
            Program(
                name="the fraud platform",
                command=tuple(arguments),
                log_file=self.log_file,
                ready_file=self._data_dir / "ready.json",
                remedy=_REMEDY,
                environment=options.environment,
                explain=self._explain,
            )
        )
        self._progress("starting the fraud platform")
        said = ""

        def tell() -> None:
            nonlocal said
            last = _last_line(process.log_text())
            if last != said:
                said = last
                self._progress(f"starting the fraud platform: {last}")

        ready = await process.wait_until_ready(options.start_timeout_s, tell)
        self._port = int(ready["port"])

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

    def _explain(self, _status: int, log: str) -> SquallError | None:
        if "libgomp" in log:
            return TargetUnreachable(
                "the fraud platform needs the system library libgomp (OpenMP), which is missing;"
                " install it: apt-get install libgomp1 (Debian, Ubuntu) or"
                " dnf install libgomp (Fedora)"
            )
        if "already in use" in log.lower():
            return TargetUnreachable(
                f"port {self._options.port} is in use; choose another with --port"
            )
        return None

    def _discard(self, orderly: bool) -> None:
        """Remove a temporary data directory, unless it is evidence of a disorderly end."""
        temporary = self._options.data_dir is None
        if temporary and orderly and self._data_dir is not None:
            shutil.rmtree(self._data_dir, ignore_errors=True)


def _last_line(log: str) -> str:
    lines = log.strip().splitlines()
    return _LOG_PREFIX.sub("", lines[-1].strip()) if lines else ""


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
