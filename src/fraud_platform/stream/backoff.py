"""How long to wait before the next attempt, and when to give up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from fraud_platform.errors import StoreError

STORE_PATIENCE_S = 300.0
"""An unavailable store is tried again for up to five minutes."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Full jitter: a random part of ``base · 2ⁿ``, at most ``longest_s``.

    https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
    """

    base_s: float = 0.05
    longest_s: float = 10.0

    def wait_s(self, failures: int, chance: random.Random) -> float:
        """Seconds to wait after so many failures in a row (1 or more)."""
        return chance.random() * min(self.longest_s, self.base_s * 2.0 ** min(failures, 30))


class Patience:
    """Until when attempts go on. Shared by all clients of one invocation."""

    __slots__ = ("_clock", "until_s")

    def __init__(
        self,
        patience_s: float = STORE_PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.until_s = clock() + patience_s

    def renew(self, patience_s: float) -> None:
        """Give up ``patience_s`` from now on."""
        self.until_s = self._clock() + patience_s

    def left_s(self) -> float:
        """Seconds left; negative when it is over."""
        return self.until_s - self._clock()

    def begin(self) -> Patience:
        """The patience of one call: this one, because all calls share it."""
        return self


class PatiencePerCall(Patience):
    """Every call has ``patience_s`` for itself: somebody waits for its answer."""

    __slots__ = ("_patience_s",)

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(patience_s, clock)
        self._patience_s = patience_s

    def begin(self) -> Patience:
        """As much again."""
        return Patience(self._patience_s, self._clock)


class Waiter:
    """Waits between the attempts of one piece of work, with backoff, while patience lasts."""

    __slots__ = ("_backoff", "_chance", "_patience", "_sleep")

    def __init__(
        self,
        patience: Patience,
        chance: random.Random,
        backoff: Backoff | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._patience = patience
        self._chance = chance
        self._backoff = backoff or Backoff()
        self._sleep = sleep

    def wait(self, failures: int, why: str) -> None:
        """After so many failures; raises ``StoreError`` with ``why`` when patience has run out."""
        wait_s = self._backoff.wait_s(failures, self._chance)
        if wait_s >= self._patience.left_s():
            raise StoreError(f"{why}; patience has run out")
        self._sleep(wait_s)
