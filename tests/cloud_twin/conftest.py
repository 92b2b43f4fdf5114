"""A running twin: ``twin`` for tests that call it as any program does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

START_S = 30.0


@dataclass
class RunningTwin:
    """A twin in a process of its own, on a free port."""

    process: subprocess.Popen[bytes]
    url: str
    _clients: dict[tuple[str, str, int], Any] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self, service: str, *, region: str = "us-east-1", attempts: int = 1) -> Any:
        """A boto3 client; ``attempts`` 1 shows every error at once, more retry as SDKs do."""
        key = (service, region, attempts)
        if key not in self._clients:
            self._clients[key] = boto3.client(
                service,  # type: ignore[call-overload]
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(
                    retries={"total_max_attempts": attempts, "mode": "standard"},
                    connect_timeout=5,
                    read_timeout=30,
                ),
            )
        return self._clients[key]

    def control(self, method: str, path: str, document: object = None) -> Any:
        """One request to ``/_twin/PATH``; its JSON. Raises ``urllib.error.HTTPError``."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}/_twin/{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.loads(answer.read())

    def refused(self, method: str, path: str, document: object = None) -> tuple[int, Any]:
        """The same for a request that must be refused: status and JSON."""
        try:
            self.control(method, path, document)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        raise AssertionError(f"{method} {path} was not refused")

    def fault(self, **plan: object) -> str:
        """Put a fault plan in force; its id."""
        return str(self.control("POST", "faults", plan)["id"])

    def reset(self) -> None:
        """Everything forgotten."""
        self.control("POST", "reset")


def start_twin(folder: Path, *options: str) -> RunningTwin:
    """Launch a twin and wait until it is ready."""
    ready_file = folder / "ready.json"
    log = (folder / "twin.log").open("wb")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "cloud_twin.main",
            "--port=0",
            f"--ready-file={ready_file}",
            *options,
        ],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    )
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError((folder / "twin.log").read_text())
        with contextlib.suppress(OSError, ValueError):
            return RunningTwin(process, json.loads(ready_file.read_bytes())["url"])
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"the twin was not ready in {START_S:g} s")


def stop_twin(twin: RunningTwin) -> None:
    """End it, by force if need be."""
    if twin.process.poll() is None:
        twin.process.send_signal(signal.SIGTERM)
        try:
            twin.process.wait(10)
        except subprocess.TimeoutExpired:
            twin.process.kill()
            twin.process.wait(10)


@pytest.fixture(scope="session")
def running_twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTwin]:
    twin = start_twin(tmp_path_factory.mktemp("twin"))
    yield twin
    stop_twin(twin)


@pytest.fixture
def twin(running_twin: RunningTwin) -> RunningTwin:
    """A running twin with nothing in it. It is shared by all tests and reset for each."""
    running_twin.reset()
    return running_twin
