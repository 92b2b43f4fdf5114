"""What came of an invocation, and AWS's own words for what can go wrong."""

from __future__ import annotations

import math
import signal
from dataclasses import dataclass

import orjson

UNHANDLED = "Unhandled"


@dataclass(frozen=True, slots=True)
class Result:
    """What a process made of one event. ``error_type`` is None for a success."""

    payload: bytes
    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One finished invocation."""

    request_id: str
    payload: bytes
    function_error: str | None
    """``Unhandled``, or None for a success."""
    error_type: str | None
    executed_version: str
    duration_ms: float
    init_ms: float | None
    """Of a cold start; None where a waiting environment was used."""
    billed_ms: int
    log_tail: bytes = b""

    @property
    def failed(self) -> bool:
        """Whether the function failed."""
        return self.function_error is not None


def failure(error_type: str, message: str) -> Result:
    """An error that the service itself reports."""
    body = orjson.dumps({"errorType": error_type, "errorMessage": message})
    return Result(body, error_type)


def timed_out(request_id: str, timeout_s: int) -> Result:
    """The function took too long."""
    return failure(
        "Sandbox.Timedout",
        f"RequestId: {request_id} Error: Task timed out after {timeout_s}.00 seconds",
    )


def exited(request_id: str, return_code: int) -> Result:
    """The process ended in the middle; ``return_code`` as subprocess gives it."""
    if return_code == 0:
        text = "Runtime exited without providing a reason"
    elif return_code < 0:
        text = f"Runtime exited with error: signal: {_signal_name(-return_code)}"
    else:
        text = f"Runtime exited with error: exit status {return_code}"
    return failure("Runtime.ExitError", f"RequestId: {request_id} Error: {text}")


def reported(body: bytes, request_id: str) -> Result:
    """An error in the runtime client's words, with the request's id put in where it has none."""
    try:
        document = orjson.loads(body)
        error_type = str(document.get("errorType") or "Unknown")
        if document.get("requestId") == "":
            document["requestId"] = request_id
            body = orjson.dumps(document)
    except (ValueError, AttributeError):
        error_type = "Runtime.Unknown"
    return Result(body, error_type)


def too_large(limit_bytes: int) -> Result:
    """The answer is over the limit."""
    return failure(
        "Function.ResponseSizeTooLarge",
        f"Response payload size exceeded maximum allowed payload size ({limit_bytes} bytes).",
    )


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """Billed time: initialisation and run together, rounded up to a millisecond.

    Since 2025-08-01 the INIT phase is billed for every function:
    https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/
    """
    return math.ceil(round(duration_ms + (init_ms or 0.0), 6))


_SIGNAL_NAMES = {
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGABRT: "aborted",
    signal.SIGTERM: "terminated",
    signal.SIGINT: "interrupt",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGILL: "illegal instruction",
}
"""As Go writes them: AWS's supervisor is written in Go."""


def _signal_name(number: int) -> str:
    try:
        return _SIGNAL_NAMES.get(signal.Signals(number), f"signal {number}")
    except ValueError:
        return f"signal {number}"
