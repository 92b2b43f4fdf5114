"""Running the platform: in one process, or as a supervisor with a core and gateways."""

from __future__ import annotations

import logging
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from fraud_platform.core.link import listen
from fraud_platform.core.process import Core
from fraud_platform.errors import PlatformError, UsageError
from fraud_platform.gateway.process import GatewayOptions, run_gateway
from fraud_platform.learning.cache import obtain_model
from fraud_platform.lifetimes import die_with_parent
from fraud_platform.options import ServeOptions

log = logging.getLogger(__name__)

_POLL_S = 0.05
_RESTARTS = 5
_RESTARTS_IN_S = 60.0
_STOP_S = 15.0


class ChildFailedError(PlatformError):
    """A child ended while starting; it has said why itself."""

    def __init__(self, status: int) -> None:
        self.exit_status = status if status > 0 else 4
        super().__init__("")


# --- one process ------------------------------------------------------------------------------


def serve_in_one_process(options: ServeOptions) -> None:
    """Gateway on this thread, core on another; until SIGTERM."""
    listener = bind(options.host, options.port, 1)[0]
    address = _address()
    core_options = options.core()
    link = listen(address)
    model = obtain_model(Path(options.model_dir), _path(options.history))
    core = Core(core_options, model, link)

    def decide() -> None:
        try:
            core.run()
        except BaseException:
            log.exception("the deciding thread has failed")
            os._exit(4)  # a platform that cannot decide must not look alive

    thread = threading.Thread(target=decide, name="core")
    thread.start()
    try:
        run_gateway(
            GatewayOptions(
                Path(options.data_dir),
                address,
                options.queue_limit,
                shares_core=True,
                allow_disturbance=options.allow_disturbance,
            ),
            listener,
            lambda: announce(options.ready_file, listener.getsockname()[1]),
        )
    finally:
        core.stop()
        thread.join()
        core.close()


# --- several processes ------------------------------------------------------------------------


def run_core_process(options: ServeOptions, address: str, parent: int, ready_fd: int) -> None:
    """The core as a child of the supervisor."""
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor decides when to stop
    core_options = options.core()
    link = listen(address)
    model = obtain_model(Path(options.model_dir), _path(options.history))
    core = Core(core_options, model, link)
    signal.signal(signal.SIGTERM, lambda *_: core.stop())
    os.write(ready_fd, b"ready")
    os.close(ready_fd)
    core.run()
    core.close()


def run_gateway_process(
    options: ServeOptions, address: str, parent: int, ready_fd: int, listener_fd: int
) -> None:
    """A gateway as a child of the supervisor."""
    die_with_parent(parent)

    def ready() -> None:
        os.write(ready_fd, b"ready")
        os.close(ready_fd)

    share = -(-options.queue_limit // (options.processes - 1))
    run_gateway(
        GatewayOptions(
            Path(options.data_dir), address, share, allow_disturbance=options.allow_disturbance
        ),
        socket.socket(fileno=listener_fd),
        ready,
    )


@dataclass(slots=True)
class _Child:
    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes]


class Supervisor:
    """Starts the core and the gateways, starts them again when they die, stops them in order."""

    def __init__(self, options: ServeOptions) -> None:
        self._options = options
        self._address = _address()
        self._listeners = bind(options.host, options.port, options.processes - 1)
        self._stop = threading.Event()
        self._children: list[_Child] = []
        self._deaths: deque[float] = deque()

    def run(self) -> None:
        """Until SIGTERM or SIGINT. Raises ``PlatformError`` when it cannot start or go on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        try:
            self._add("core", ["_core"], None)
            for listener in self._listeners:
                self._add("gateway", ["_gateway"], listener)
            if not self._stop.is_set():
                announce(self._options.ready_file, self._listeners[0].getsockname()[1])
            while not self._stop.wait(_POLL_S):
                self._look_after()
        finally:
            self._end()

    def _add(self, name: str, command: list[str], listener: socket.socket | None) -> None:
        def start() -> subprocess.Popen[bytes]:
            return self._launch(command, listener)

        if not self._stop.is_set():
            self._children.append(_Child(name, start, start()))

    def _launch(
        self, command: list[str], listener: socket.socket | None
    ) -> subprocess.Popen[bytes]:
        """Start a child and wait until it is ready; raises ``ChildFailedError``."""
        readable, writable = os.pipe()
        fds = [writable] if listener is None else [writable, listener.fileno()]
        arguments = [
            sys.executable, "-m", "fraud_platform", *command, self._options.to_json(),
            self._address, str(os.getpid()), *map(str, fds),
        ]  # fmt: skip
        process = subprocess.Popen(arguments, pass_fds=fds, stdin=subprocess.DEVNULL)
        os.close(writable)
        try:
            while not self._stop.is_set():
                if select.select([readable], [], [], _POLL_S)[0]:
                    if not os.read(readable, 16):
                        raise ChildFailedError(process.wait())
                    break
        finally:
            os.close(readable)
        return process

    def _look_after(self) -> None:
        for child in self._children:
            status = child.process.poll()
            if status is None:
                continue
            now = time.monotonic()
            self._deaths.append(now)
            while self._deaths and self._deaths[0] < now - _RESTARTS_IN_S:
                self._deaths.popleft()
            if len(self._deaths) > _RESTARTS:
                raise PlatformError(f"the {child.name} keeps dying (status {status}); giving up")
            log.error("the %s has died (status %d); starting it again", child.name, status)
            child.process = child.start()

    def _end(self) -> None:
        """Gateways first, so that what is on their way is still decided; then the core."""
        for name in ("gateway", "core"):
            group = [child.process for child in self._children if child.name == name]
            for process in group:
                process.terminate()
            deadline = time.monotonic() + _STOP_S
            for process in group:
                try:
                    process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        for listener in self._listeners:
            listener.close()


# --- both -------------------------------------------------------------------------------------


def bind(host: str, port: int, count: int) -> list[socket.socket]:
    """``count`` sockets on one port, for as many gateways; raises ``UsageError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    first = socket.socket(family)
    try:
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Bound without sharing at first: that finds out whether the port is somebody else's.
        first.bind((host, port))
        if count == 1:
            first.set_inheritable(True)
            return [first]
        port = first.getsockname()[1]
    except OSError as error:
        first.close()
        why = "is already in use" if error.errno == 98 else f"cannot be used ({error.strerror})"
        raise UsageError(f"{host} port {port} {why}; choose another with --port") from error
    first.close()
    sockets = []
    for _ in range(count):
        one = socket.socket(family)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind((host, port))
        one.set_inheritable(True)
        sockets.append(one)
    return sockets


def announce(ready_file: str | None, port: int) -> None:
    """Say that requests are answered: one JSON line on standard output, and in the ready file."""
    line = orjson.dumps({"ready": True, "port": port, "pid": os.getpid()}) + b"\n"
    if ready_file is not None:
        path = Path(ready_file)
        try:
            unfinished = path.with_name(f"{path.name}.unfinished")
            unfinished.write_bytes(line)
            unfinished.replace(path)
        except OSError as error:
            raise UsageError(f"--ready-file {path}: {error.strerror}") from error
    sys.stdout.write(line.decode())
    sys.stdout.flush()


def _address() -> str:
    return f"fraud-platform-{os.getpid()}-{secrets.token_hex(8)}"


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
