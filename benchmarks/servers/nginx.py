"""nginx on one core, answering every transaction from its configuration."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from types import TracebackType

import psutil

from benchmarks.harness.processes import SERVER_CORE, BenchmarkError, Child, process_cpu_s
from benchmarks.harness.tools import find_tool, tool_version
from benchmarks.servers.answer import ANSWER

HOST = "127.0.0.1"

_CONFIGURATION = """\
{user}worker_processes 1;
worker_rlimit_nofile {files};
pid {directory}/nginx.pid;
error_log {directory}/error.log;
daemon off;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  client_body_buffer_size 16k;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen {host}:{port} backlog=4096;
    location = /status {{ stub_status; }}
    location / {{
      default_type application/json;
      return 200 '{answer}';
    }}
  }}
}}
"""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def nginx_version() -> str:
    """Its version, or ``not installed``."""
    executable = find_tool("nginx")
    if executable is None:
        return "not installed"
    return tool_version(executable, ["-v"], "version").removeprefix("nginx version: ")


class Nginx:
    """A running nginx; use as a context manager."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = free_port()
        self._asked = 0
        self._status: socket.socket | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Nginx:
        """Start it and wait until it answers."""
        executable = find_tool("nginx")
        if executable is None:
            raise BenchmarkError("nginx is not installed: see benchmarks/README.md")
        self._directory.mkdir(parents=True, exist_ok=True)
        configuration = self._directory / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                user="user root;\n" if os.geteuid() == 0 else "",
                directory=self._directory,
                connections=15_000,
                files=16_000,
                host=HOST,
                port=self.port,
                answer=ANSWER.decode(),
            )
        )
        command = [str(executable), "-e", str(self._directory / "error.log")]
        command += ["-p", str(self._directory), "-c", str(configuration)]
        self._child = Child(command, self._directory / "nginx", cores=(SERVER_CORE,))
        try:
            self._status = self._connect()
        except BenchmarkError:
            self._child.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it."""
        if self._status is not None:
            self._status.close()
        self._child.kill()

    def _connect(self) -> socket.socket:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self._child.running:
            try:
                return socket.create_connection((HOST, self.port), timeout=5)
            except OSError:
                time.sleep(0.05)
        raise BenchmarkError(f"nginx does not start: {self._child.stderr_tail()}")

    def requests(self) -> int:
        """Requests that it has received since its start, without those for this figure.

        Raises:
            BenchmarkError: it does not answer.
        """
        assert self._status is not None
        self._asked += 1
        self._status.sendall(b"GET /status HTTP/1.1\r\nHost: status\r\n\r\n")
        text = self._read_status()
        return requests_in(text) - self._asked

    def _read_status(self) -> str:
        assert self._status is not None
        received = b""
        while b"Waiting:" not in received or not received.endswith(b"\n"):
            piece = self._status.recv(4096)
            if not piece:
                raise BenchmarkError("nginx closed the status connection")
            received += piece
        return received.decode()

    def cpu_s(self) -> float:
        """CPU time of its worker so far."""
        workers = psutil.Process(self._child.pid).children()
        return sum(process_cpu_s(worker.pid) for worker in workers)


def requests_in(status: str) -> int:
    """The third figure below ``server accepts handled requests`` in a stub_status page."""
    lines = status.splitlines()
    heading = next(i for i, line in enumerate(lines) if line.startswith("server accepts"))
    return int(lines[heading + 1].split()[2])
