"""``/v1/_control/disturbances``: things put wrong on purpose, while the platform runs.

Only for tests: without ``--allow-disturbance`` every request is refused. Nothing here does
anything itself; a ``Disturber`` knows where agents and gateways are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from fraud_platform.errors import PlatformError
from fraud_platform.wire.answers import error_body
from fraud_platform.wire.validation import Problem

PATH = b"/v1/_control/disturbances"
LEASE_S_MAX = 3_600.0
DELAY_MS_MAX = 60_000.0
_FIELDS = "agent, fails, delay_ms, delay_ms_max, gateway, lease_s"
_NOT_ALLOWED = Problem(
    "disturbance_not_allowed",
    "this platform cannot be disturbed; start it with --allow-disturbance, in tests only",
    "",
)
_NO_SUCH = Problem("no_such_disturbance", "this disturbance has ended, or never was", "")

Answer = tuple[int, bytes]
"""Status and body."""


class NotDisturbableError(PlatformError):
    """This deployment cannot be disturbed in that way."""


class Disturber(Protocol):
    """Whoever puts disturbances in force. Methods raise ``LinkError`` or ``StoreError``."""

    async def begin(self, what: Mapping[str, Any], lease_s: float) -> Mapping[str, Any]:
        """Put it in force; ``NotDisturbableError`` where that is not possible here."""
        ...

    async def renew(self, name: str, lease_s: float) -> Mapping[str, Any] | None:
        """Let it last so long from now; None where it has ended."""
        ...

    async def end(self, name: str) -> bool:
        """End it now; False where it has ended."""
        ...

    async def in_force(self) -> Sequence[Mapping[str, Any]]:
        """All that are in force."""
        ...


class _BadRequestError(Exception):
    def __init__(self, field: str, message: str) -> None:
        self.problem = Problem("field_value", f"{field}: {message}", field)
        super().__init__(message)


class _NotJsonError(Exception):
    """The body cannot be read."""


class Disturbances:
    """Answers the control requests. ``disturber`` None: they are not allowed."""

    def __init__(self, disturber: Disturber | None, agents: Sequence[str]) -> None:
        self._disturber = disturber
        self._agents = tuple(agents)

    async def answer(self, method: bytes, path: bytes, body: bytes) -> Answer:
        """The answer to one request; ``path`` begins with ``PATH``."""
        if self._disturber is None:
            return 403, error_body([_NOT_ALLOWED])
        parts = path[len(PATH) :].decode("latin-1").strip("/").split("/")
        try:
            return await self._answer(self._disturber, method.decode("latin-1"), parts, body)
        except _BadRequestError as error:
            return 422, error_body([error.problem])
        except _NotJsonError as error:
            return 400, error_body([Problem("malformed_json", str(error), "")])
        except NotDisturbableError as error:
            return 409, error_body([Problem("not_disturbable", str(error), "")])

    async def _answer(
        self, disturber: Disturber, method: str, parts: Sequence[str], body: bytes
    ) -> Answer:
        match (method, *parts):
            case ("GET", ""):
                return 200, orjson.dumps({"disturbances": await disturber.in_force()})
            case ("POST", ""):
                what, lease_s = read_request(_document(body), self._agents)
                return 201, orjson.dumps(await disturber.begin(what, lease_s))
            case ("POST", name, "renew"):
                found = await disturber.renew(name, _lease_s(_document(body)))
                return _no_such() if found is None else (200, orjson.dumps(found))
            case ("DELETE", name) if name:
                ended = await disturber.end(name)
                return (200, orjson.dumps({"ended": name})) if ended else _no_such()
        message = "GET or POST disturbances, POST disturbances/ID/renew, DELETE disturbances/ID"
        return 404, error_body([Problem("not_found", message, "")])


def read_request(
    document: Mapping[str, Any], agents: Sequence[str]
) -> tuple[dict[str, Any], float]:
    """What is asked for, and its lease in seconds; raises ``_BadRequestError``."""
    if unknown := set(document) - set(_FIELDS.split(", ")):
        raise _BadRequestError(sorted(unknown)[0], f"unknown; the fields are {_FIELDS}")
    lease_s = _lease_s(document)
    if "gateway" in document:
        if document["gateway"] != "away" or len(document) != 2:
            raise _BadRequestError("gateway", 'is "away", with lease_s and nothing else')
        return {"gateway": "away"}, lease_s
    agent = document.get("agent")
    if agent not in agents:
        raise _BadRequestError("agent", f"must be one of {', '.join(agents)}")
    fails = document.get("fails", False)
    if not isinstance(fails, bool):
        raise _BadRequestError("fails", "must be true or false")
    if fails == ("delay_ms" in document):
        raise _BadRequestError("delay_ms", "give either fails as true or delay_ms")
    if fails:
        if "delay_ms_max" in document:
            raise _BadRequestError("delay_ms_max", "goes with delay_ms")
        return {"agent": agent, "fails": True}, lease_s
    least_ms = _number(document, "delay_ms", DELAY_MS_MAX)
    if "delay_ms_max" not in document:
        return {"agent": agent, "delay_ms": least_ms}, lease_s
    most_ms = _number(document, "delay_ms_max", DELAY_MS_MAX)
    if most_ms < least_ms:
        raise _BadRequestError("delay_ms_max", "must not be below delay_ms")
    return {"agent": agent, "delay_ms": least_ms, "delay_ms_max": most_ms}, lease_s


def _lease_s(document: Mapping[str, Any]) -> float:
    return _number(document, "lease_s", LEASE_S_MAX)


def _number(document: Mapping[str, Any], name: str, highest: float) -> float:
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= highest:
        raise _BadRequestError(name, f"must be a number above 0 and at most {highest:g}")
    return float(value)


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise _NotJsonError(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise _NotJsonError("the body must be a JSON object")
    return document


def _no_such() -> Answer:
    return 404, error_body([_NO_SUCH])
