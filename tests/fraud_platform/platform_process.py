"""The real platform, as processes, for tests."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httptools
import orjson
import psutil

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


class Platform:
    """``fraud-platform serve`` with its children."""

    def __init__(self, data_dir: Path, model_dir: Path, history: Path, *options: str) -> None:
        self.data_dir = data_dir
        self.log = data_dir / "log.txt"
        data_dir.mkdir(exist_ok=True)
        ready = data_dir / "ready.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "fraud_platform", "serve", "--port=0"]
        command += [f"--data-dir={data_dir}", f"--model-dir={model_dir}"]
        command += [f"--history={history}", f"--ready-file={ready}", *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + _PATIENCE_S
        while not ready.exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "not ready in time: " + self.log.read_text()
            time.sleep(0.02)
        self.port: int = json.loads(ready.read_text())["port"]

    def pids(self) -> list[int]:
        first = psutil.Process(self.process.pid)
        return [first.pid, *(child.pid for child in first.children(recursive=True))]

    def child(self, kind: str) -> int:
        """Process id of the core or a gateway."""
        for child in psutil.Process(self.process.pid).children():
            if f"_{kind}" in child.cmdline():
                return child.pid
        raise AssertionError(f"no {kind}")

    def kill(self) -> None:
        """SIGKILL every process at once."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self.process.wait(_PATIENCE_S)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(_PATIENCE_S)


class _Parser:
    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = b""
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


class Client:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def request(self, method: str, path: str, body: bytes = b"") -> HttpAnswer:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        return await self.answer()

    async def answer(self) -> HttpAnswer:
        handler = _Parser()
        parser = httptools.HttpResponseParser(handler)
        while not handler.complete:
            data = await asyncio.wait_for(self._reader.read(1 << 16), _PATIENCE_S)
            if not data:
                raise ConnectionError("closed before an answer")
            parser.feed_data(data)
        return HttpAnswer(parser.get_status_code(), handler.headers, handler.body)

    async def post(self, document: object) -> HttpAnswer:
        return await self.request("POST", "/v1/transactions", orjson.dumps(document))

    async def get(self, path: str) -> HttpAnswer:
        return await self.request("GET", path)

    def close(self) -> None:
        self.writer.close()


async def post_all(
    port: int, documents: Iterable[object], connections: int
) -> list[HttpAnswer | None]:
    """Post documents over several connections at once; None where the line broke."""
    listed = list(documents)
    answers: list[HttpAnswer | None] = [None] * len(listed)
    numbers = iter(range(len(listed)))

    async def work() -> None:
        try:
            client = await Client.open(port)
            for number in numbers:
                answers[number] = await client.post(listed[number])
            client.close()
        except OSError:
            return

    await asyncio.gather(*[work() for _ in range(connections)])
    return answers


async def decisions(port: int, run: str, limit: int = 1000) -> list[dict[str, Any]]:
    """The whole decision log of a run."""
    client = await Client.open(port)
    items: list[dict[str, Any]] = []
    cursor: int | None = 0
    while cursor is not None:
        page = (await client.get(f"/v1/decisions?run={run}&cursor={cursor}&limit={limit}")).json
        items += page["items"]
        cursor = page["next_cursor"]
    client.close()
    return items
