"""One execution environment: a process, its Runtime API and the event it works on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from cloud_twin.clock import Clock
from cloud_twin.services.lambda_.runtime.deployment import (
    Deployment,
    Invocation,
    process_environment,
)
from cloud_twin.services.lambda_.runtime.listener import RuntimeConnection
from cloud_twin.services.lambda_.runtime.logs import LogCapture
from cloud_twin.services.lambda_.runtime.outcome import (
    Result,
    exited,
    reported,
    timed_out,
    too_large,
)
from cloud_twin.services.lambda_.runtime.process import FunctionProcess

RESPONSE_LIMIT_BYTES = 6 * 1024 * 1024 + 100
"""What AWS takes from a function: 6 MB and a little for the envelope."""


class NotDeliveredError(Exception):
    """The process ended before it took the event: another environment can have it."""


@dataclass(slots=True)
class _Work:
    invocation: Invocation
    result: asyncio.Future[Result]
    deadline: asyncio.TimerHandle
    delivered: bool = False
    started_s: float = 0.0


class Environment:
    """Runs one event at a time.

    ``start`` once, then ``invoke`` any number of times. ``on_start`` gets the process's id; when
    the process ends, by itself or by ``end``, ``on_end`` is called once.
    """

    def __init__(
        self,
        deployment: Deployment,
        clock: Clock,
        endpoint_url: str,
        on_start: Callable[[int], None],
        on_end: Callable[[Environment], None],
    ) -> None:
        self.deployment = deployment
        self.stream = f"[{deployment.version}]{uuid4().hex}"
        self.log = LogCapture(deployment.log, self.stream, clock.wall_s)
        self.memory_peak_mb = 0.0
        self.idle_since_s = clock.monotonic_s()
        self._clock = clock
        self._endpoint_url = endpoint_url
        self._on_start = on_start
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[Result | None] = self._loop.create_future()
        self._server: asyncio.Server | None = None
        self._process: FunctionProcess | None = None
        self._waiting: RuntimeConnection | None = None
        self._work: _Work | None = None
        self._ended = False

    # --- life -----------------------------------------------------------------------------

    async def start(self, limit_s: float, request_id: str) -> Result | None:
        """Start the process and wait until it asks for an event.

        None when it is ready; else what the invocation that waits for it is told.
        """
        loop = self._loop
        self._server = await loop.create_server(lambda: RuntimeConnection(self), "127.0.0.1", 0)
        if self._ended:  # the twin closes
            self._server.close()
            return exited(request_id, -signal.SIGKILL)
        port = self._server.sockets[0].getsockname()[1]
        variables = process_environment(
            self.deployment,
            f"127.0.0.1:{port}",
            self._endpoint_url,
            self.stream,
            os.environ.get("PATH", os.defpath),
            os.environ.get("PYTHONPATH", ""),
        )
        self._process = FunctionProcess(
            self.deployment.handler,
            self.deployment.code_directory,
            variables,
            self.log.feed,
            self._process_ended,
        )
        self._on_start(self._process.pid)
        try:
            async with asyncio.timeout(limit_s):
                failed = await asyncio.shield(self._ready)
        except TimeoutError:
            failed = timed_out(request_id, self.deployment.timeout_s)
        if failed is not None:
            self.end()
            if failed.error_type == "Runtime.ExitError":
                failed = exited(request_id, int(failed.payload))
            elif failed.error_type != "Sandbox.Timedout":
                failed = reported(failed.payload, request_id)
        return failed

    @property
    def pid(self) -> int | None:
        """Of the process."""
        return None if self._process is None else self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it can take an event now."""
        return (
            not self._ended
            and self._work is None
            and self._process is not None
            and self._process.alive()
        )

    def end(self) -> None:
        """Kill the process and all that it started."""
        if self._process is not None:
            self._process.kill()
        else:
            self._close()

    async def ended(self) -> None:
        """Wait until nothing is left of it."""
        if self._process is not None:
            await self._process.ended()

    def look_at_memory(self) -> float:
        """Resident MB now; the highest seen is kept."""
        if self._process is None or self._ended:
            return 0.0
        memory_mb = self._process.memory_mb()
        self.memory_peak_mb = max(self.memory_peak_mb, memory_mb)
        return memory_mb

    # --- events ---------------------------------------------------------------------------

    async def invoke(self, invocation: Invocation) -> tuple[Result, float]:
        """Run one event; the result and its time in ms. Raises NotDeliveredError."""
        assert self._work is None, "an environment works on one event at a time"
        timeout_s = self.deployment.timeout_s
        work = _Work(
            invocation,
            self._loop.create_future(),
            self._loop.call_later(timeout_s, self._time_out),
            started_s=self._clock.monotonic_s(),
        )
        self._work = work
        self.log.begin(invocation.request_id, self.deployment.version)
        self._deliver()
        try:
            result = await work.result
        except asyncio.CancelledError:
            self.end()  # its event is abandoned; the next must not meet it half done
            raise
        finally:
            work.deadline.cancel()
            self._work = None
        duration_ms = (self._clock.monotonic_s() - work.started_s) * 1000
        if result.error_type == "Sandbox.Timedout":
            duration_ms = timeout_s * 1000.0
        self.idle_since_s = self._clock.monotonic_s()
        return result, duration_ms

    def _deliver(self) -> None:
        work, connection = self._work, self._waiting
        if work is None or connection is None or not connection.open:
            return
        self._waiting = None
        work.delivered = True
        invocation = work.invocation
        deadline_ms = int((self._clock.wall_s() + self.deployment.timeout_s) * 1000)
        lines = [
            f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}",
            f"Lambda-Runtime-Deadline-Ms: {deadline_ms}",
            f"Lambda-Runtime-Invoked-Function-Arn: {invocation.invoked_arn}",
            f"Lambda-Runtime-Trace-Id: {invocation.trace_id}",
        ]
        if invocation.client_context:
            lines.append(f"Lambda-Runtime-Client-Context: {invocation.client_context}")
        head = "".join(f"{line}\r\n" for line in lines)
        connection.send(200, head.encode("ascii", "replace"), invocation.payload)

    def _settle(self, request_id: str, result: Result) -> bool:
        work = self._work
        if work is None or not work.delivered or work.invocation.request_id != request_id:
            return False
        if not work.result.done():
            if self._process is not None:
                self._process.drain()  # what was printed before the answer belongs to it
            self.log.flush()
            work.result.set_result(result)
        return True

    def _time_out(self) -> None:
        work = self._work
        if work is None:
            return
        work.delivered = True
        request_id, timeout_s = work.invocation.request_id, self.deployment.timeout_s
        self._settle(request_id, timed_out(request_id, timeout_s))
        self.log.line(f"{request_id} Task timed out after {timeout_s}.00 seconds")
        self.end()

    # --- called by the listener -----------------------------------------------------------

    def next(self, connection: RuntimeConnection) -> None:
        """The runtime is ready for an event."""
        self._waiting = connection
        if not self._ready.done():
            self._ready.set_result(None)
        self._deliver()

    def response(self, request_id: str, body: bytes, size: int) -> int:
        """The function's result."""
        if size > RESPONSE_LIMIT_BYTES:
            self._settle(request_id, too_large(RESPONSE_LIMIT_BYTES))
            return 413
        return 202 if self._settle(request_id, Result(body)) else 400

    def failure(self, request_id: str, body: bytes) -> int:
        """The function raised."""
        return 202 if self._settle(request_id, reported(body, request_id)) else 400

    def init_failure(self, body: bytes) -> int:
        """The function could not be loaded."""
        if not self._ready.done():
            self._ready.set_result(Result(body, "Runtime.InitError"))
        return 202

    # --- the end --------------------------------------------------------------------------

    def _process_ended(self, return_code: int) -> None:
        self.log.flush()
        if not self._ready.done():
            self._ready.set_result(Result(str(return_code).encode(), "Runtime.ExitError"))
        work = self._work
        if work is not None and not work.result.done():
            if work.delivered:
                self._settle(
                    work.invocation.request_id, exited(work.invocation.request_id, return_code)
                )
            else:
                work.result.set_exception(NotDeliveredError)
        self._close()

    def _close(self) -> None:
        if self._ended:
            return
        self._ended = True
        if self._server is not None:
            self._server.close()
        if self._waiting is not None:
            self._waiting.close()
            self._waiting = None
        self._on_end(self)
