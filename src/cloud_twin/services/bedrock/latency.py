"""How long a model takes: time to the first token, then so many tokens a second.

The first token comes after ``first_token_ms`` (median) times a log-normal factor of
``latency_spread`` (its sigma), from the twin's seed; the rest follow at ``tokens_per_s``. The
values at the start are a plausible hosted model, not a measurement of one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from cloud_twin.errors import TwinError

DEFAULTS = {"first_token_ms": 350.0, "tokens_per_s": 120.0, "latency_spread": 0.25}
_FIRST_TOKEN_LIMIT_MS = 600_000.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Of one answer."""

    first_token_s: float
    token_s: float
    """From one token to the next."""

    def whole_s(self, tokens: int) -> float:
        """Until the last of ``tokens``."""
        return self.first_token_s + max(tokens - 1, 0) * self.token_s


class LatencyModel:
    """Draws the timing of each answer."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._limits = dict(DEFAULTS)

    def draw(self) -> Timing:
        """The next answer's."""
        spread = self._limits["latency_spread"]
        factor = self._random.lognormvariate(0.0, spread) if spread else 1.0
        return Timing(
            self._limits["first_token_ms"] / 1000.0 * factor, 1.0 / self._limits["tokens_per_s"]
        )

    def limits(self) -> dict[str, float]:
        """As set."""
        return dict(self._limits)

    def check(self, changes: Mapping[str, float]) -> None:
        """Raises ``TwinError`` for an impossible value."""
        for name, value in changes.items():
            low = value > 0 if name == "tokens_per_s" else value >= 0
            high = {"first_token_ms": _FIRST_TOKEN_LIMIT_MS, "latency_spread": 2.0}.get(name)
            if not low or (high is not None and value > high):
                raise TwinError(f"bedrock-runtime: {name} cannot be {value:g}")

    def set(self, changes: Mapping[str, float]) -> None:
        """Change the model; raises as ``check``."""
        self.check(changes)
        self._limits |= changes

    def reset(self) -> None:
        """Back to the start."""
        self._limits = dict(DEFAULTS)
