"""Quotas of each model: requests and tokens per minute, and requests at once.

Tokens are reserved when a call begins (input and the most that it may answer) and what was not
used is given back at its end, as Bedrock does. Requests refill evenly; ``burst_s`` seconds' worth
may come at once, so that in any T seconds no more than quota/60 · (T + burst_s) are let in. Tokens
may come as one whole minute's worth.

AWS sets quotas by account, region and model; those here are a start to be changed.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloud_twin.clock import Clock
from cloud_twin.errors import AwsError, TwinError
from cloud_twin.services.bedrock.models import MODELS
from cloud_twin.token_bucket import TokenBucket

DEFAULTS = {
    "requests_per_minute": 1_000.0,
    "tokens_per_minute": 2_000_000.0,
    "concurrent_requests": 1_000.0,
    "burst_s": 1.0,
}


class Admission:
    """One call that was let in; it must be released once, and is when it is forgotten."""

    def __init__(self, state: _ModelState, reserved: float) -> None:
        self._state: _ModelState | None = state
        self._reserved = reserved

    def release(self, used_tokens: float) -> None:
        """Give back what was not used. Harmless when repeated."""
        state, self._state = self._state, None
        if state is not None:
            state.in_flight -= 1
            state.tokens.owe(used_tokens - self._reserved)

    def __del__(self) -> None:
        self.release(self._reserved)


class _ModelState:
    def __init__(self, limits: Mapping[str, float], clock: Clock) -> None:
        rate_s = limits["requests_per_minute"] / 60.0
        burst = max(1.0, rate_s * limits["burst_s"]) if rate_s > 0 else 0.0
        self.requests = TokenBucket(rate_s, burst, clock)
        per_minute = limits["tokens_per_minute"]
        self.tokens = TokenBucket(per_minute / 60.0, per_minute, clock)
        self.concurrent_limit = limits["concurrent_requests"]
        self.in_flight = 0


class Quotas:
    """All models' quotas. A limit is ``NAME`` for every model or ``NAME@MODEL`` for one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limits = dict(DEFAULTS)
        self._states: dict[str, _ModelState] = {}

    def admit(self, model_id: str, tokens: float) -> Admission:
        """Let one call in and reserve its tokens. Raises ``ThrottlingException``."""
        state = self._states.get(model_id)
        if state is None:
            state = self._states[model_id] = _ModelState(self._of(model_id), self._clock)
        if state.in_flight >= state.concurrent_limit or state.requests.available() < 1.0:
            raise _throttled("Too many requests, please wait before trying again.")
        if not state.tokens.take(tokens):
            raise _throttled("Too many tokens, please wait before trying again.")
        state.requests.take()
        state.in_flight += 1
        return Admission(state, tokens)

    def limits(self) -> dict[str, float]:
        """As set."""
        return dict(self._limits)

    def knows(self, name: str) -> bool:
        """Whether there is such a limit."""
        kind, at, model_id = name.partition("@")
        return kind in DEFAULTS and (not at or model_id in MODELS)

    def check(self, changes: Mapping[str, float]) -> None:
        """Raises ``TwinError`` for an impossible value."""
        for name, value in changes.items():
            if not value >= 0:
                raise TwinError(f"bedrock-runtime: {name} cannot be {value:g}")

    def set(self, changes: Mapping[str, float]) -> None:
        """New limits, from full buckets; calls under way count on. Raises as ``check``."""
        self.check(changes)
        self._limits |= changes
        for model_id, before in list(self._states.items()):
            state = _ModelState(self._of(model_id), self._clock)
            before.requests, before.tokens = state.requests, state.tokens
            before.concurrent_limit = state.concurrent_limit

    def reset(self) -> None:
        """Back to the start."""
        self._limits = dict(DEFAULTS)
        self._states.clear()

    def _of(self, model_id: str) -> dict[str, float]:
        own = {name: self._limits.get(f"{name}@{model_id}") for name in DEFAULTS}
        return {name: self._limits[name] if value is None else value for name, value in own.items()}


def _throttled(message: str) -> AwsError:
    return AwsError("ThrottlingException", message, 429)
