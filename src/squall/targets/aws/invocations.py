"""Invoke calls, one per transaction: signed as they are written, so never with an old date."""

from __future__ import annotations

from hashlib import sha256

import orjson

from squall.load_generator.target_spec import Reading
from squall.models import Outcome, TransactionBatch
from squall.targets.answers import AnswerFormat, JsonAnswerReader, at_path
from squall.targets.aws.signed_calls import SignedCalls
from squall.targets.template import JsonBody, TemplateWriter

FUNCTION_ERROR = "function_error"
THROTTLE = "throttle_too_many_requests"
_HEAD_END = b"\r\n\r\n"
_ERROR_MESSAGE = ("errorMessage",)


class InvocationWriter:
    """A ``RequestWriter`` of payloads, the transactions as JSON; ``Invoker`` completes them."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        body = JsonBody({field: f"${{{field}}}" for field in fields})
        self._template = TemplateWriter([], body)

    def write(self, batch: TransactionBatch) -> list[bytes | memoryview]:
        """One payload per transaction, in order."""
        return [_body(bytes(request)) for request in self._template.write(batch)]


def _body(request: bytes) -> bytes:
    return request[request.index(_HEAD_END) + len(_HEAD_END) :]


class Invoker:
    """Makes a signed request of a payload (a ``Seal``).

    A signature is good for minutes and costs microseconds, and a payload may be made long before
    it is sent: signing at the write is never too early.
    """

    def __init__(self, calls: SignedCalls) -> None:
        self._calls = calls

    def __call__(self, payload: bytes | bytearray | memoryview) -> bytes:
        """The whole request, signed now."""
        return self._calls.head(sha256(payload).hexdigest(), len(payload)) + payload


class FunctionAnswerReader:
    """Reads a function's answer as any JSON answer, and Lambda's own refusals.

    An invocation whose function failed is answered with 200 and the error as its payload
    (``errorMessage``, ``errorType``); it is a refusal.
    """

    def __init__(self, answer: AnswerFormat) -> None:
        self._reader = JsonAnswerReader(answer)

    def quick(self, status: int, body: bytes, wire_id: str) -> int:
        """The usual accepted answer; −1 sends it to ``read``."""
        return self._reader.quick(status, body, wire_id)

    def read(self, status: int, body: bytes) -> Reading:
        """What this answer says."""
        if status == 429:
            return Reading(Outcome.REJECTED, kind=THROTTLE)
        reading = self._reader.read(status, body)
        if status == 200 and reading.outcome is not Outcome.ACCEPTED and _is_error(body):
            return Reading(Outcome.REJECTED, kind=FUNCTION_ERROR)
        return reading


def _is_error(body: bytes) -> bool:
    try:
        return at_path(orjson.loads(body), _ERROR_MESSAGE) is not None
    except ValueError:
        return False
