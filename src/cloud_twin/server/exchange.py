"""One call from its decoding to its answer: faults, service, protocol, attempt list."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from cloud_twin.clock import Clock
from cloud_twin.errors import AwsError, TwinError
from cloud_twin.faults import Effect, FaultBook
from cloud_twin.server import refusals
from cloud_twin.server.attempts import Attempts
from cloud_twin.server.bindings import Binding
from cloud_twin.server.reply import HttpDate, Reply
from cloud_twin.server.request import Request
from cloud_twin.server.wire.encoded import Encoded
from cloud_twin.service import Answer, Call, CountsRefusals

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Floor:
    """What all exchanges share."""

    clock: Clock
    faults: FaultBook
    attempts: Attempts
    date: HttpDate
    tasks: set[asyncio.Task[None]]

    def spawn(self, work: Any) -> None:
        """Run a coroutine that ends with the server at the latest."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


class Exchange:
    """A call that is being answered."""

    __slots__ = ("_binding", "_floor", "_reply", "_request", "_started_s", "call")

    def __init__(
        self, floor: Floor, binding: Binding, request: Request, reply: Reply, call: Call
    ) -> None:
        self._floor = floor
        self._binding = binding
        self._request = request
        self._reply = reply
        self.call = call
        self._started_s = floor.clock.monotonic_s()

    def run(self, effect: Effect | None) -> None:
        """Answer, at once where that is possible."""
        if effect is None:
            self._carry_out()
        else:
            self._run_with(effect)

    def fail(self, error: AwsError) -> None:
        """Answer with an error."""
        call = self.call
        encoded = self._binding.wire.encode_error(self._request, error, call.request_id)
        self._note(encoded.status, error.code)
        self._send(encoded)

    # --- without faults -------------------------------------------------------------------

    def _carry_out(self) -> None:
        try:
            answer = self._binding.service.handle(self.call)
        except Exception as error:
            self._fail_with(error)
            return
        if type(answer) is Answer:
            self._succeed(answer)
        else:
            self._floor.spawn(self._wait_for(answer))  # type: ignore[arg-type]

    async def _wait_for(self, answer: Awaitable[Answer]) -> None:
        try:
            result = await answer
        except asyncio.CancelledError:
            self._reply.drop()
            raise
        except Exception as error:
            self._fail_with(error)
            return
        self._succeed(result)

    def _succeed(self, answer: Answer) -> None:
        call = self.call
        try:
            encoded = self._binding.wire.encode(
                self._request, call.operation, answer, call.request_id
            )
        except Exception as error:
            self._fail_with(error)
            return
        self._note(encoded.status, "")
        if answer.chunks is None:
            self._send(encoded)
        else:
            self._complete(encoded)
            self._reply.send_stream(
                encoded.status, encoded.headers, answer.chunks, self._floor.date.text()
            )

    def _fail_with(self, error: Exception) -> None:
        if isinstance(error, AwsError):
            self.fail(error)
            return
        call = self.call
        if isinstance(error, TwinError):
            log.error("%s %s: %s", call.service, call.operation, error)
        else:
            log.error("%s %s could not be answered", call.service, call.operation, exc_info=error)
        internal = refusals.internal(call.service, self._binding.protocol)
        self._count(internal, carried_out=False)
        self.fail(internal)

    def _count(self, error: AwsError, *, carried_out: bool) -> None:
        """Have an error that its service did not raise in the service's metrics."""
        service = self._binding.service
        if isinstance(service, CountsRefusals):
            service.count_refusal(self.call, error, carried_out=carried_out)

    # --- with faults ----------------------------------------------------------------------

    def _run_with(self, effect: Effect) -> None:
        self.call.partial = effect.partial
        if effect.latency_ms > 0:
            self._floor.spawn(self._run_later(effect))
        elif effect.drop:
            self._lose()
        elif effect.refusal is not None:
            self._count(effect.refusal, carried_out=False)
            self.fail(effect.refusal)
        elif effect.lost or effect.lost_as is not None:
            self._floor.spawn(self._carry_out_and_lose(effect.lost_as))
        else:
            self._carry_out()

    async def _run_later(self, effect: Effect) -> None:
        try:
            await asyncio.sleep(effect.latency_ms / 1e3)
        except asyncio.CancelledError:
            self._reply.drop()
            raise
        effect.latency_ms = 0.0
        self._run_with(effect)

    async def _carry_out_and_lose(self, instead: AwsError | None) -> None:
        """The caller learns nothing of the outcome; a refusal of the service stays one."""
        try:
            answer = self._binding.service.handle(self.call)
            if not isinstance(answer, Answer):
                answer = await answer
            if answer.chunks is not None:
                async for _ in answer.chunks:
                    pass  # what a stream does, it does while it is read
        except asyncio.CancelledError:
            self._reply.drop()
            raise
        except Exception as error:
            self._fail_with(error)
            return
        if instead is None:
            self._lose()
            return
        if instead.status >= 500:  # a throttle or a client's error would say it was not done
            self._count(instead, carried_out=True)
        self.fail(instead)

    def _lose(self) -> None:
        self._note(0, "")
        self._reply.drop()

    # --- the answer -----------------------------------------------------------------------

    def _note(self, status: int, error: str) -> None:
        call = self.call
        self._floor.attempts.add(
            call.service, call.operation, call.invocation_id, call.attempt,
            self._started_s, status, error,
        )  # fmt: skip

    def _send(self, encoded: Encoded) -> None:
        self._complete(encoded)
        self._reply.send(encoded.status, encoded.headers, encoded.body, self._floor.date.text())

    def _complete(self, encoded: Encoded) -> None:
        headers = encoded.headers
        if self.call.service == "s3":
            headers["x-amz-request-id"] = self.call.request_id
            headers["x-amz-id-2"] = self.call.request_id
        else:
            headers["x-amzn-requestid"] = self.call.request_id
