"""Local stand-ins for AWS, on the server's core: the cloud twin, moto's server, MiniStack."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.harness.processes import SERVER_CORE, BenchmarkError, Child, tree_cpu_s
from benchmarks.harness.tools import find_tool, tool_version
from benchmarks.servers.aws_calls import KEY, REGION
from benchmarks.servers.nginx import free_port

START_DEADLINE_S = 60.0
_PACKAGE_VERSION = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"


@dataclass(frozen=True, slots=True)
class Cloud:
    """A stand-in that can be started. ``{port}`` in arguments and variables is its port."""

    name: str
    package: str
    health_path: str
    tool: str = ""
    """Its executable (see ``find_tool``); empty for the twin, which this Python runs."""
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def version(self) -> str | None:
        """What is installed; None where nothing is."""
        if not self.tool:
            return version(self.package)
        executable = find_tool(self.tool)
        if executable is None:
            return None
        python = executable.resolve().parent / "python"  # a virtual environment has it beside
        arguments = ["-c", _PACKAGE_VERSION, self.package]
        return tool_version(python, arguments) or "installed, version unknown"

    def command(self, port: int) -> list[str]:
        """How it is started. Raises ``BenchmarkError`` where it is not installed."""
        start = [sys.executable, "-m", "cloud_twin.main"]
        if self.tool:
            executable = find_tool(self.tool)
            if executable is None:
                raise BenchmarkError(f"{self.tool} is not installed; see benchmarks/README.md")
            start = [str(executable)]
        return [*start, *(argument.format(port=port) for argument in self.arguments)]


TWIN = Cloud("cloud twin", "squall", "/_twin/health", arguments=("--port={port}",))
MOTO = Cloud(
    "moto's server", "moto", "/moto-api/", "moto_server", ("-H", "127.0.0.1", "-p", "{port}")
)
MINISTACK = Cloud(
    "MiniStack",
    "ministack",
    "/_ministack/health",
    "ministack",
    variables={"GATEWAY_PORT": "{port}", "BIND_HOST": "127.0.0.1", "LOG_LEVEL": "WARNING"},
)
CLOUDS = (TWIN, MOTO, MINISTACK)


@dataclass(frozen=True, slots=True)
class RunningCloud:
    """One that answers on ``port`` of the loopback address."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str) -> Any:
        """A boto3 client, for what is not measured."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=KEY,
            config=Config(connect_timeout=10, read_timeout=60),
        )

    def limits(self) -> dict[str, dict[str, float]]:
        """The twin's quotas in force, by service."""
        with urllib.request.urlopen(f"{self.url}/_twin/limits", timeout=30) as answer:
            found: dict[str, dict[str, float]] = json.loads(answer.read())
        return found

    def set_limits(self, changes: Mapping[str, Mapping[str, float]]) -> None:
        """Change the twin's quotas. Raises ``BenchmarkError`` where it refuses."""
        body = json.dumps(changes).encode()
        request = urllib.request.Request(f"{self.url}/_twin/limits", body, method="PATCH")
        try:
            urllib.request.urlopen(request, timeout=30).close()
        except urllib.error.HTTPError as error:
            said = error.read().decode()
            raise BenchmarkError(f"the twin does not take these limits: {said}") from error

    def cpu_s(self) -> dict[int, float]:
        """CPU time so far by process, its own and its children's."""
        return tree_cpu_s(self.pid)


def cpu_between(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    """CPU seconds from one reading of ``cpu_s`` to a later one; new processes count in full."""
    return sum(used_s - before.get(pid, 0.0) for pid, used_s in after.items())


@contextmanager
def running(cloud: Cloud, directory: Path) -> Iterator[RunningCloud]:
    """A fresh one with nothing in it, killed afterwards; its files stay in ``directory``.

    Raises:
        BenchmarkError: it is not installed, or does not start.
    """
    port = free_port()
    variables = {name: value.format(port=port) for name, value in cloud.variables.items()}
    variables["TMPDIR"] = str(directory)  # it is killed, so it cannot tidy up
    child = Child(cloud.command(port), directory, (SERVER_CORE,), variables, directory)
    started = RunningCloud(port, child.pid)
    try:
        deadline = time.monotonic() + START_DEADLINE_S
        while not _healthy(started.url + cloud.health_path):
            if not child.running or time.monotonic() > deadline:
                raise BenchmarkError(f"{cloud.name} does not start: {child.stderr_tail()}")
            time.sleep(0.05)
        yield started
    finally:
        child.kill()


def _healthy(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True
