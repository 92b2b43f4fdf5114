"""The twin's own interface, under ``/_twin/``."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import orjson

from cloud_twin import __version__
from cloud_twin.errors import AwsError, TwinError
from cloud_twin.faults import FaultBook, FaultEnded, UnknownFault
from cloud_twin.meter import Meter
from cloud_twin.server.attempts import Attempts
from cloud_twin.server.control_input import (
    BadInput,
    Problem,
    read_attempts_query,
    read_fault_plan,
    read_limits,
)
from cloud_twin.server.estate import Estate
from cloud_twin.server.reply import HttpDate, Reply
from cloud_twin.server.request import Request
from cloud_twin.services.lambda_ import LogLine

log = logging.getLogger(__name__)

PREFIX = "/_twin/"
_JSON = {"content-type": "application/json", "cache-control": "no-store"}


class Refused(Exception):
    """An answer other than 200: status and problems."""

    def __init__(self, status: int, problems: list[Problem], allow: str = "") -> None:
        super().__init__(problems[0].message)
        self.status = status
        self.problems = problems
        self.allow = allow


class Functions(Protocol):
    """What is shown of functions (the twin's Lambda)."""

    def logs(self, name: str) -> Sequence[LogLine]:
        """Newest log lines, oldest first. Raises ``AwsError`` for an unknown function."""
        ...

    def pids(self, name: str) -> list[int]:
        """Processes that hold it now. Raises ``AwsError``."""
        ...


class Streams(Protocol):
    """What is shown of streams (the twin's Kinesis)."""

    def dropped_records(self) -> Mapping[str, int]:
        """Records that were dropped for want of memory, by stream."""
        ...


class Control:
    """Answers control requests; knows nothing of AWS's protocols."""

    def __init__(
        self,
        estate: Estate,
        meter: Meter,
        faults: FaultBook,
        attempts: Attempts,
        date: HttpDate,
        moto_state: Callable[[], str],
        functions: Functions,
        streams: Streams,
        operations: Mapping[str, Collection[str]],
    ) -> None:
        self._estate = estate
        self._meter = meter
        self._faults = faults
        self._attempts = attempts
        self._date = date
        self._moto_state = moto_state
        self._functions = functions
        self._streams = streams
        self._operations = operations
        self._started_s = time.monotonic()

    async def answer(self, request: Request, reply: Reply) -> None:
        """Answer one request."""
        headers = _JSON
        try:
            status, document = 200, await self._dispatch(request)
        except Refused as refused:
            status, document = refused.status, _problems(refused.problems)
            if refused.allow:
                headers = {**_JSON, "allow": refused.allow}
        except BadInput as bad:
            status, document = 400, _problems(bad.problems)
        except Exception:
            log.exception("%s %s could not be answered", request.method, request.path)
            failed = Problem("", "the twin could not answer; its log says why")
            status, document = 500, _problems([failed])
        reply.send(status, headers, orjson.dumps(document) + b"\n", self._date.text())

    async def _dispatch(self, request: Request) -> dict[str, Any]:
        path = request.path[len(PREFIX) :].rstrip("/")
        parts = path.split("/")
        match parts:
            case ["faults", fault_id]:
                _allow(request, "DELETE")
                return _of_fault(self._faults.remove, fault_id)
            case ["faults", fault_id, "renew"]:
                _allow(request, "POST")
                return _of_fault(self._faults.renew, fault_id)
            case ["functions", name, "logs"]:
                _allow(request, "GET")
                return {"logs": _of_function(self._logs, name)}
            case ["functions", name, "processes"]:
                _allow(request, "GET")
                return {"pids": _of_function(self._functions.pids, name)}
            case ["reset"]:
                _allow(request, "POST")
                await self._estate.reset()
                return {"reset": True}
            case ["health"]:
                _allow(request, "GET")
                return self._health()
            case ["meter"]:
                _allow(request, "GET")
                return self._usage()
            case ["attempts"]:
                _allow(request, "GET")
                return self._attempts.calls(**read_attempts_query(request.arguments()))
            case ["limits"]:
                _allow(request, "GET", "PATCH")
                if request.method == "PATCH":
                    self._change_limits(request.body)
                return self._estate.limits()
            case ["faults"]:
                _allow(request, "GET", "POST")
                if request.method == "POST":
                    return self._add_fault(request.body)
                return {"faults": self._faults.entries()}
        known = "health, limits, meter, faults, attempts, reset, functions/NAME/logs and /processes"
        raise Refused(404, [Problem("", f"there is no {request.path}; there are: {known}")])

    def _health(self) -> dict[str, Any]:
        return {
            "status": "ok",
            "version": __version__,
            "uptime_s": round(time.monotonic() - self._started_s, 3),
            "services": sorted(self._estate.names()),
            "moto": self._moto_state(),
            "attempts_seen": self._attempts.seen,
            "records_dropped": self._streams.dropped_records(),
        }

    def _logs(self, name: str) -> list[dict[str, Any]]:
        return [
            {"at_s": line.wall_s, "stream": line.stream, "text": line.text}
            for line in self._functions.logs(name)
        ]

    def _usage(self) -> dict[str, Any]:
        usage = [
            {
                "service": key.service,
                "unit": key.unit,
                "resource": key.resource,
                "quantity": quantity,
            }
            for key, quantity in sorted(self._meter.read().items())
        ]
        return {"since_s": self._estate.since_wall_s, "usage": usage}

    def _change_limits(self, body: bytes) -> None:
        changes = read_limits(body, self._estate.limits())
        try:
            self._estate.set_limits(changes)
        except TwinError as error:
            raise Refused(400, [Problem("", str(error))]) from error

    def _add_fault(self, body: bytes) -> dict[str, Any]:
        plan = read_fault_plan(body, self._operations)
        try:
            return self._faults.add(plan)
        except TwinError as error:
            raise Refused(409, [Problem("", str(error))]) from error


def _allow(request: Request, *methods: str) -> None:
    if request.method not in methods:
        allowed = ", ".join(methods)
        problem = Problem("", f"{request.path} takes {allowed}, not {request.method}")
        raise Refused(405, [problem], allowed)


def _of_fault(act: Callable[[str], dict[str, Any]], fault_id: str) -> dict[str, Any]:
    try:
        return act(fault_id)
    except UnknownFault:
        raise Refused(404, [Problem("", f"there is no fault {fault_id!r}")]) from None
    except FaultEnded as ended:
        raise Refused(410, [Problem("", str(ended))]) from ended


def _of_function(look: Callable[[str], list[Any]], name: str) -> list[Any]:
    try:
        return look(name)
    except AwsError as error:
        raise Refused(404, [Problem("", error.message)]) from error


def _problems(problems: list[Problem]) -> dict[str, Any]:
    return {
        "error": "; ".join(problem.text() for problem in problems),
        "problems": [{"field": problem.field, "message": problem.message} for problem in problems],
    }
