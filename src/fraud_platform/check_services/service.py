"""The three services behind one port, each with its own behaviour and control endpoint."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote

import orjson

from fraud_platform.check_services.behaviour import Behaviour, Fault, SettingError, Settings
from fraud_platform.check_services.fraud_database import (
    ENTRIES_LIMIT,
    LISTED_SHARES,
    FraudDatabaseAnswers,
)
from fraud_platform.check_services.geolocation import GeolocationAnswers, load_plan
from fraud_platform.check_services.http import DropConnection, Request, Response, problem
from fraud_platform.check_services.identity import IdentityAnswers

CONTROL = "_control"
DEFAULTS = {
    "identity": Settings(latency_ms_median=80.0, latency_ms_p95=220.0, rate_tps=50.0),
    "fraud-database": Settings(latency_ms_median=15.0, latency_ms_p95=45.0, rate_tps=200.0),
    "geolocation": Settings(latency_ms_median=8.0, latency_ms_p95=25.0, rate_tps=200.0),
}
"""Made up, in the order of what such services promise."""


class Answers(Protocol):
    """What a service knows."""

    @property
    def name(self) -> str:
        """Its first path segment."""
        ...

    def answer(self, parts: tuple[str, ...]) -> dict[str, Any] | None:
        """The answer to a path, or None where there is nothing."""
        ...


class CheckService:
    """One service."""

    def __init__(
        self,
        answers: Answers,
        settings: Settings,
        generator: random.Random,
        clock: Callable[[], float],
    ) -> None:
        self._answers = answers
        self._random = generator
        self._clock = clock
        self._behaviour = Behaviour(settings, clock())
        self._counts: Counter[str] = Counter()

    async def handle(self, request: Request, parts: tuple[str, ...]) -> Response:
        """Answer one request, whose path after the service's name is ``parts``."""
        if parts and parts[0] == CONTROL:
            return self._control(request, parts[1:])
        if request.method != "GET":
            return _not_allowed("GET")
        now_s = self._clock()
        self._counts["requests"] += 1
        behaviour = self._behaviour
        if behaviour.in_outage(now_s):
            self._counts["dropped"] += 1
            raise DropConnection
        retry_after_s = behaviour.retry_after_s(now_s)
        if retry_after_s > 0:
            self._counts["throttled"] += 1
            response = problem(429, "rate_limited", "too many requests; see Retry-After")
            headers = {"Retry-After": str(math.ceil(retry_after_s))}
            return Response(429, response.document, headers)
        await asyncio.sleep(behaviour.latency_s(now_s, self._random))
        if self._random.random() < behaviour.error_share(self._clock()):
            self._counts["errors"] += 1
            return problem(500, "internal_error", "the service has failed")
        found = self._answers.answer(parts)
        if found is None:
            self._counts["unknown"] += 1
            return problem(404, "not_found", "there is nothing at this path")
        self._counts["answered"] += 1
        return Response(200, found)

    # --- control --------------------------------------------------------------------------

    def _control(self, request: Request, parts: tuple[str, ...]) -> Response:
        try:
            return self._controlled(request, parts)
        except SettingError as error:
            return problem(400, "bad_setting", str(error))

    def _controlled(self, request: Request, parts: tuple[str, ...]) -> Response:
        now_s = self._clock()
        match (request.method, *parts):
            case ("GET",):
                return Response(200, self._state(now_s))
            case ("PATCH", "settings"):
                self._behaviour.change(_object(request.body), now_s)
                return Response(200, self._state(now_s)["settings"])
            case ("POST", "faults"):
                fault = self._behaviour.add(_object(request.body), now_s)
                return Response(201, fault.document(now_s))
            case ("POST", "faults", fault_id, "renew"):
                document = _object(request.body)
                return self._fault(self._behaviour.renew(fault_id, document, now_s), now_s)
            case ("DELETE", "faults", fault_id):
                ended = self._behaviour.end(fault_id, now_s)
                return Response(200, {"ended": fault_id}) if ended else _NO_FAULT
            case ("POST", "entries") if isinstance(self._answers, FraudDatabaseAnswers):
                return Response(201, {"entries": _list_entries(self._answers, request.body)})
        return problem(404, "not_found", "see docs/external-checks.md for the control endpoint")

    def _fault(self, fault: Fault | None, now_s: float) -> Response:
        return _NO_FAULT if fault is None else Response(200, fault.document(now_s))

    def _state(self, now_s: float) -> dict[str, Any]:
        settings = self._behaviour.settings
        return {
            "service": self._answers.name,
            "settings": {name: getattr(settings, name) for name in Settings.__slots__},
            "faults": [fault.document(now_s) for fault in self._behaviour.faults(now_s)],
            "counts": dict(self._counts),
        }


class CheckServices:
    """All three; ``handle`` takes every request of the port."""

    def __init__(self, seed: int, clock: Callable[[], float]) -> None:
        everyone: tuple[Answers, ...] = (
            IdentityAnswers(seed),
            FraudDatabaseAnswers(seed),
            GeolocationAnswers(seed, load_plan()),
        )
        self._services = {
            answers.name: CheckService(
                answers, DEFAULTS[answers.name], random.Random(f"{seed}-{answers.name}"), clock
            )
            for answers in everyone
        }

    async def handle(self, request: Request) -> Response:
        """Answer one request. Raises ``DropConnection`` where a service is down."""
        name, *parts = (unquote(part) for part in request.path.strip("/").split("/"))
        if name == "health":
            return Response(200, {"services": list(self._services)})
        service = self._services.get(name)
        if service is None:
            known = ", ".join(self._services)
            return problem(404, "not_found", f"the services are {known}")
        return await service.handle(request, tuple(parts))


_NO_FAULT = problem(404, "no_such_fault", "this fault has ended, or never was")


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body or b"{}")
    except ValueError as error:
        raise SettingError(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise SettingError("the body must be a JSON object")
    return document


def _list_entries(answers: FraudDatabaseAnswers, body: bytes) -> int:
    """List ``{"entries": [[kind, id], …]}`` and return how many are listed by hand now."""
    rows = _object(body).get("entries")
    if not isinstance(rows, list):
        raise SettingError("entries: must be an array of [kind, id]")
    entries = set()
    for row in rows:
        match row:
            case [str(kind), str(what)] if kind in LISTED_SHARES:
                entries.add((kind, what))
            case _:
                raise SettingError(f"entries: [kind, id], a kind of {', '.join(LISTED_SHARES)}")
    count = answers.list_by_hand(entries)
    if count is None:
        raise SettingError(f"entries: at most {ENTRIES_LIMIT}")
    return count


def _not_allowed(method: str) -> Response:
    refusal = problem(405, "method_not_allowed", f"use {method}")
    return Response(405, refusal.document, {"Allow": method})
