"""The routes in stream mode: inline mode's, with 202 for what the stream has taken."""

from __future__ import annotations

import functools
import math
import re
from typing import Any
from urllib.parse import parse_qs

import orjson

from fraud_platform.gateway.asker import Asker
from fraud_platform.gateway.http import Reply
from fraud_platform.gateway.service import Service
from fraud_platform.stream.client import WAIT_LIMIT_S, PatientAsker
from fraud_platform.stream.decision import REFUSED

_POSTS = frozenset({b"/v1/transactions", b"/v1/transactions/batch"})
_PREFER = re.compile(rb"(?:^|[,;\s])wait\s*=\s*(\d{1,6})(?:$|[,;\s])", re.IGNORECASE)


class StreamService(Service):
    """Answers requests; ``default_wait_s`` for those that do not say how long they wait."""

    def __init__(self, *parts: Any, default_wait_s: float = 0.0, **more: Any) -> None:
        super().__init__(*parts, **more)
        self._default_wait_s = default_wait_s
        self._wait_s = default_wait_s

    def handle(self, method: bytes, target: bytes, body: bytes, reply: Reply) -> None:
        """As the base class; ``?wait=N`` or ``Prefer: wait=N`` asks for the decision itself."""
        path, _, query = target.partition(b"?")
        if path not in _POSTS:
            super().handle(method, target, body, reply)
            return
        wait_s = self._default_wait_s
        if query:
            read = _wait_in(query)
            if read is None:
                message = f"wait must be a number of seconds, 0 to {WAIT_LIMIT_S:g}"
                reply.problem(422, "field_value", message)
                return
            wait_s = read
        elif reply.prefer and (match := _PREFER.search(reply.prefer)):
            wait_s = min(float(match[1]), WAIT_LIMIT_S)
        self._wait_s = wait_s
        super().handle(method, path, body, reply)

    def _decide(self, document: Any, escaped: bool, asker: Asker) -> None:
        super()._decide(
            document, escaped, PatientAsker(asker, self._wait_s) if self._wait_s else asker
        )

    async def _detail(self, transaction_id: str, reply: Reply) -> None:
        found = await self._reads.detail(transaction_id)
        if found is not None and orjson.loads(found[0])["decision"] == REFUSED:
            reply.send(200, found[0])
        else:
            await super()._detail(transaction_id, reply)

    async def _health(self, reply: Reply) -> None:
        if not self.draining and not self._core.connected:
            reply.send(503, b'{"status":"the stream takes no transactions"}')
        else:
            await super()._health(reply)


@functools.lru_cache(256)
def _wait_in(query: bytes) -> float | None:
    """Seconds in ``wait=N``, 0 without it; None where that is no such number."""
    text = parse_qs(query.decode("latin-1")).get("wait", ["0"])[-1]
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0.0 <= value <= WAIT_LIMIT_S else None
