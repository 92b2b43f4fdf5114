"""What became of a probe's operations: how many, how fast, and what was refused as what."""

from __future__ import annotations

from array import array
from collections import Counter

import numpy as np

from squall.models import LatencyHistogram, LatencySummary

_BATCH = 4096
_KINDS_TOLD = 3


class Tally:
    """Counts of operations, and the latencies of those that succeeded."""

    def __init__(self) -> None:
        self.done = 0
        self.throttled = 0
        self.failed = 0
        self.kinds: Counter[str] = Counter()
        """What was refused or failed, by AWS's own name of it."""
        self._latency = LatencyHistogram()
        self._fresh_us = array("q")

    @property
    def total(self) -> int:
        """All operations that have ended."""
        return self.done + self.throttled + self.failed

    def succeed(self, count: int = 1) -> None:
        """So many were carried out."""
        self.done += count

    def refuse(self, kind: str, *, throttle: bool, count: int = 1) -> None:
        """So many were not."""
        if throttle:
            self.throttled += count
        else:
            self.failed += count
        self.kinds[kind] += count

    def took(self, latency_s: float) -> None:
        """One operation that succeeded took so long from the moment it was due."""
        self._fresh_us.append(max(0, round(latency_s * 1e6)))
        if len(self._fresh_us) >= _BATCH:
            self._absorb()

    def share(self, part: int) -> float | None:
        """Of all operations; None where there were none."""
        return part / self.total if self.total else None

    def latency_ms(self) -> LatencySummary:
        """Of the operations that succeeded."""
        self._absorb()
        return self._latency.percentiles_ms()

    def notes(self) -> tuple[str, ...]:
        """What was refused most, in words."""
        told = ", ".join(f"{kind} {n:,}" for kind, n in self.kinds.most_common(_KINDS_TOLD))
        return (f"refused: {told}",) if told else ()

    def _absorb(self) -> None:
        self._latency.record(np.array(self._fresh_us, dtype=np.int64))
        self._fresh_us = array("q")
