"""Calls to AWS services that fail, are slow or are throttled, by a fault plan of the cloud twin."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import orjson

from squall.errors import ConfigurationError, TargetError, TargetProtocolError
from squall.load_generator.engine.answer import Answer
from squall.load_generator.target_spec import Endpoint
from squall.models import AwsFault
from squall.targets import HttpClient
from squall.targets.installation import Installation

FAULTS_PATH = "/_twin/faults"
_TIMEOUT_S = 10.0
_ENDS_BY_ITSELF = frozenset({"count", "for_s"})
"""Members of a plan after which it may be over before its phase is."""


class AwsFaultPlan:
    """One plan, leased (docs/twin.md).

    Raises:
        ConfigurationError: the target is not on a cloud twin, or the plan leases itself.
    """

    def __init__(self, spec: AwsFault, installation: Installation) -> None:
        if installation.twin_url is None:
            raise ConfigurationError(
                f"fault {spec.name} needs the cloud twin: use --target stream, or a target on a "
                "twin that is running"
            )
        if "lease_s" in spec.plan:
            raise ConfigurationError(
                f"fault {spec.name}: leave lease_s out of its plan: squall leases it for its phase"
            )
        self._name = spec.name
        self._plan = spec.plan
        self._host = urlsplit(installation.twin_url).netloc
        self._client = HttpClient(Endpoint.of_url(installation.twin_url), _TIMEOUT_S)
        self._id: str | None = None

    @property
    def what(self) -> str:
        """Which calls are hit, and what happens to them."""
        plan = self._plan
        calls = " ".join(str(plan[part]) for part in ("service", "operation") if plan.get(part))
        where = f" on {plan['resource']}" if plan.get("resource") else ""
        return f"{calls or 'every call'}{where}: {_effect(plan)}"

    async def begin(self, lease_s: float) -> None:
        """Put the plan in force.

        Raises:
            ConfigurationError: the twin refuses it; the message is its own.
            TargetError: the twin does not answer, or not as a twin.
        """
        label = {"label": f"squall: {self._name}"} | self._plan
        answer = await self._ask("POST", FAULTS_PATH, label | {"lease_s": lease_s})
        if 400 <= answer.status < 500:
            raise ConfigurationError(f"its plan: {_complaint(answer)}")
        self._id = str(_document(answer)["id"])

    async def renew(self, lease_s: float) -> None:
        """Lease it anew, for as long as at first; put it in force again where the lease ran out.

        Raises:
            TargetError: the twin does not answer, or refuses it.
        """
        if self._id is None:
            return
        answer = await self._ask("POST", f"{FAULTS_PATH}/{self._id}/renew", None)
        if answer.status in (404, 410):
            if not self._plan.keys() & _ENDS_BY_ITSELF:
                await self.begin(lease_s)
        elif answer.status != 200:
            raise TargetError(_complaint(answer))

    async def end(self) -> None:
        """End it now. Harmless when it has ended.

        Raises:
            TargetError: the twin does not answer; the lease ends it.
        """
        fault, self._id = self._id, None
        if fault is None:
            return
        answer = await self._ask("DELETE", f"{FAULTS_PATH}/{fault}", None)
        if answer.status not in (200, 404):
            raise TargetError(_complaint(answer))

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    async def _ask(self, method: str, path: str, document: object) -> Answer:
        body = b"" if document is None else orjson.dumps(document)
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return await self._client.exchange(head.encode() + body)


def _effect(plan: dict[str, Any]) -> str:
    """What happens to a call, in words."""
    parts = []
    if plan.get("latency_ms"):
        parts.append(f"{plan['latency_ms']} ms later")
    code = plan["error"].get("code") if isinstance(plan.get("error"), dict) else None
    match plan.get("when"):
        case "before":
            parts.append(f"refused with {code}")
        case "body":
            parts.append(f"entries refused with {code}")
        case "after":
            parts.append(f"carried out, then answered with {code or 'a closed connection'}")
        case "drop":
            parts.append("connection closed")
    share = plan.get("probability", 1)
    often = f" for {100 * share:g} %" if isinstance(share, int | float) and share != 1 else ""
    return f"{', '.join(parts) or 'nothing'}{often}"


def _document(answer: Answer) -> dict[str, Any]:
    try:
        document = orjson.loads(answer.body)
    except ValueError:
        document = None
    if answer.status != 200 or not isinstance(document, dict) or "id" not in document:
        raise TargetProtocolError(f"{FAULTS_PATH} answered {answer.status}: is it a cloud twin?")
    return document


def _complaint(answer: Answer) -> str:
    """What the twin says is wrong."""
    try:
        return str(orjson.loads(answer.body)["error"])
    except (ValueError, KeyError, TypeError):
        return f"the twin answered {answer.status}"
