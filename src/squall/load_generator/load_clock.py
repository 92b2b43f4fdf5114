"""How far a running load is, for what works beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from squall.models import LoadProfile, SourceSpec

_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class LoadClock:
    """``profile_s``: seconds into the load profile; it stands still while the run is paused.

    ``source``: what its transactions are made from.
    """

    profile: LoadProfile
    profile_s: Callable[[], float]
    source: SourceSpec | None = None

    def window(self, phase: str | None) -> tuple[float, float]:
        """Seconds of the profile from which and to which a phase lasts; None: the whole load.

        Of several phases with the name it is from the first one's start to the last one's end.
        Raises KeyError where the load has no such phase.
        """
        if phase is None:
            return 0.0, self.profile.duration_s
        named = [one for one in self.profile.phases if one.name == phase]
        if not named:
            raise KeyError(phase)
        return named[0].start_s, named[-1].end_s

    async def reach(self, at_s: float) -> None:
        """Wait until the load is so far."""
        while (left_s := at_s - self.profile_s()) > 0:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(min(left_s, _LOOK_S))
