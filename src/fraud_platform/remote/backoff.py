"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter: uniform on 0 … min(cap, base · 2ⁿ).

    Full jitter spreads the retries of many callers over the whole interval instead of sending them
    back together (AWS Architecture Blog, "Exponential Backoff And Jitter").
    """

    base_s: float = 0.2
    cap_s: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.base_s <= self.cap_s:
            raise ValueError("0 < base_s <= cap_s")

    def ceiling_s(self, failures: int) -> float:
        """Longest wait after so many failures (from 1)."""
        return float(min(self.cap_s, self.base_s * 2.0 ** min(failures - 1, 60)))

    def wait_s(self, failures: int, generator: random.Random) -> float:
        """A wait after so many failures (from 1)."""
        return generator.uniform(0.0, self.ceiling_s(failures))
