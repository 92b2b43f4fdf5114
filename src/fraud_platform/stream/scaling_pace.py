"""How soon scaling answers a load that comes near the capacity.

Two spans are followed of every target that has a capacity (``scaling.used_shares``). Both begin at
the first look at 80 % or more. The *reaction* ends when AWS has taken the change that makes the
target bigger; if the next look still finds 80 % or more, another begins there. The time *over 80 %*
ends at the first look below, whatever was done meanwhile, and counts while it lasts. Looks are
``autoscaler.LOOK_EVERY_S`` apart, so the load may have been there for so much longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraud_platform.stream.scaling import BUSY, Change, Target


class ScalingPace:
    """Times are seconds of one clock; one thread at a time writes."""

    def __init__(self) -> None:
        self._changes = 0
        self._reaction_s_max: float | None = None
        self._over_s_max = 0.0
        self._over_since_s: dict[Target, float] = {}
        self._waits_since_s: dict[Target, float] = {}

    def looked(self, at_s: float, used: Mapping[Target, float]) -> None:
        """Shares of the capacities, as they were at ``at_s``."""
        for target, share in used.items():
            since_s = self._over_since_s.get(target, at_s)
            self._over_s_max = max(self._over_s_max, at_s - since_s)
            if share >= BUSY:
                self._over_since_s[target] = since_s
                self._waits_since_s.setdefault(target, at_s)
            else:
                self._over_since_s.pop(target, None)
                self._waits_since_s.pop(target, None)

    def acted(self, at_s: float, change: Change) -> None:
        """AWS took a change at ``at_s``."""
        self._changes += 1
        if change.after <= change.before:
            return
        since_s = self._waits_since_s.pop(change.target, None)
        if since_s is not None:
            self._reaction_s_max = max(self._reaction_s_max or 0.0, at_s - since_s)

    def figures(self) -> dict[str, Any]:
        """Since the start. ``reaction_s_max`` is None until there was one."""
        reaction_s = self._reaction_s_max
        return {
            "changes": self._changes,
            "reaction_s_max": None if reaction_s is None else round(reaction_s, 3),
            "over_80_share_s_max": round(self._over_s_max, 3),
        }
