"""Everything that the twin does not serve itself: passed on to moto, in a process of its own.

A process, because moto is long to import and slow to answer: in this one it would hold the
interpreter's lock, and so delay the calls whose times are measured. It is started by the first call
that needs it, listens on a Unix socket that only this user can reach, and ends with the twin.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cloud_twin.errors import AwsError
from cloud_twin.server import moto_front
from cloud_twin.server.moto_http import MotoAnswer, exchange
from cloud_twin.server.moto_pages import refuse_pages
from cloud_twin.server.reply import HttpDate, Reply
from cloud_twin.server.request import Request
from cloud_twin.service import ACCOUNT_ID

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0
_READY = b"ready"


class MotoBridge:
    """Starts moto when it is first needed, and talks to it."""

    def __init__(self, date: HttpDate, command: tuple[str, ...] = ()) -> None:
        self._date = date
        self._command = command or (sys.executable, "-m", "cloud_twin.server.moto_process")
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._closed = False

    @property
    def state(self) -> str:
        """``not started``, ``running`` or ``ended``."""
        if self._process is None:
            return "not started"
        return "running" if self._process.returncode is None else "ended"

    async def pass_on(self, request: Request, reply: Reply) -> None:
        """Answer with what moto answers."""
        try:
            answer = await self.ask(request)
        except AwsError as error:
            self.refuse(request, reply, error)
            return
        reply.send(answer.status, answer.headers, answer.body, self._date.text())

    async def ask(self, request: Request) -> MotoAnswer:
        """What moto answers. Raises ``AwsError`` where it does not."""
        socket = await self._running()
        try:
            answer = await exchange(socket, request)
        except (OSError, EOFError, ValueError) as error:
            log.exception("moto did not answer %s %s", request.method, request.path)
            message = "moto, which serves this operation, did not answer. Please try again."
            raise AwsError("ServiceUnavailable", message, 503, sender=False) from error
        refuse_pages(request, answer)
        return answer

    def refuse(self, request: Request, reply: Reply, error: AwsError) -> None:
        """Answer with an error of our own, written as the caller writes."""
        encoded = moto_front.encode_error(request, error)
        reply.send(encoded.status, encoded.headers, encoded.body, self._date.text())

    async def reset(self) -> None:
        """Forget everything, where there is anything."""
        if self.state != "running":
            return
        with contextlib.suppress(AwsError):
            await self.ask(Request("POST", "/moto-api/reset", headers={"host": "localhost"}))

    async def close(self) -> None:
        """End moto's process."""
        self._closed = True
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)  # it keeps nothing that could be lost
            await process.wait()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    async def _running(self) -> Path:
        async with self._starting:
            if self._closed:
                raise AwsError("ServiceUnavailable", "The twin is ending.", 503, sender=False)
            if self._directory is None:
                self._directory = tempfile.TemporaryDirectory(prefix="cloud-twin-")
            socket = Path(self._directory.name) / "moto"
            if self.state != "running":
                await self._start(socket)
            return socket

    async def _start(self, socket: Path) -> None:
        socket.unlink(missing_ok=True)
        log.info("starting moto for operations that the twin does not serve itself")
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command,
            str(socket),
            str(os.getpid()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(os.environ),
        )
        assert process.stdout is not None, "it was asked for"
        try:
            line = await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT_S)
        except TimeoutError:
            line = b""
        if line.strip() != _READY:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            missing = line.decode("utf-8", "replace").strip() or "it did not start"
            raise AwsError(
                "NotImplemented",
                f"This operation is served by moto, which cannot be used: {missing}",
                501,
                sender=False,
            )


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what would lead moto's own AWS calls to a real account, or back here."""
    kept = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ACCESS_KEY_ID": "twin",
        "AWS_SECRET_ACCESS_KEY": "twin",
        "MOTO_ACCOUNT_ID": ACCOUNT_ID,
    }
