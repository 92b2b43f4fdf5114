"""The real platform in stream mode on a real twin, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
from tests.fraud_platform.platform_process import Client, HttpAnswer, Platform

from fraud_platform.stream.names import ResourceNames, make_names
from fraud_platform.stream.session import AwsSession

PATIENCE_S = 60.0
PREFIX = "test-"
SIZES = ("--shards=2", "--decision-shards=2", "--no-scaling", "--allow-disturbance")


class StreamPlatform(Platform):
    """``fraud-platform serve --mode stream``."""

    def __init__(
        self,
        folder: Path,
        model_dir: Path,
        history: Path,
        twin_url: str,
        options: Sequence[str] = SIZES,
    ) -> None:
        self.twin_url = twin_url
        self.names: ResourceNames = make_names(PREFIX, None)
        self.session = AwsSession("us-east-1", twin_url)
        self.place = [f"--endpoint-url={twin_url}", f"--prefix={PREFIX}", "--region=us-east-1"]
        super().__init__(folder, model_dir, history, "--mode=stream", *self.place, *options)

    def functions(self) -> list[int]:
        """Process ids of the function's environments."""
        found = self.control("GET", f"/_twin/functions/{self.names.function}/processes")
        return [int(pid) for pid in found["pids"]]

    def kill_functions(self) -> int:
        """SIGKILL every environment; how many there were."""
        killed = 0
        for pid in self.functions():
            with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile
                os.kill(pid, signal.SIGKILL)
                killed += 1
        return killed

    def command(self, *words: str) -> Any:
        """What a command of stream mode says."""
        done = subprocess.run(
            [sys.executable, "-m", "fraud_platform", *words, *self.place],
            capture_output=True, timeout=PATIENCE_S, check=True,
        )  # fmt: skip
        return orjson.loads(done.stdout)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call the twin's control interface."""
        data = None if body is None else orjson.dumps(body)
        request = urllib.request.Request(f"{self.twin_url}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            content = answer.read()
        return orjson.loads(content) if content else None


async def ask(client: Client, document: object, wait_s: int) -> HttpAnswer:
    """Post a transaction and wait for its decision."""
    body = orjson.dumps(document)
    return await client.request("POST", f"/v1/transactions?wait={wait_s}", body)


async def log_of(port: int, run: str, limit: int = 1_000) -> list[dict[str, Any]]:
    """The whole decision log of a run."""
    client = await Client.open(port)
    items: list[dict[str, Any]] = []
    cursor: str | None = "0"
    while cursor is not None:
        answer = await client.get(f"/v1/decisions?run={run}&cursor={cursor}&limit={limit}")
        assert answer.status == 200, answer.body
        items += answer.json["items"]
        cursor = answer.json["next_cursor"]
        assert answer.json["complete"] == (cursor is None)
    client.close()
    return items


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not await condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.1)
