"""Whether decisions are as sure at the end of a load as at its beginning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from squall.models import ConfidenceDrift
from squall.probes.platform_interface import platform_endpoint
from squall.probes.probe import ConcludedLoad, LoadClock, Measured
from squall.probes.whole_decisions import whole_decisions
from squall.targets.http_client import HttpClient
from squall.targets.installation import Installation

FEWEST = 100
"""Decisions of a window whose mean says something: with a standard deviation of 0.15 it is then
known to about 3 % (two standard errors, of a mean near 0.9)."""
_TIMEOUT_S = 30.0

Floats = NDArray[np.float64]


class ConfidenceDriftProbe:
    """Mean confidence by equal windows of the time in which transactions arrived.

    Where the platform does not tell when they arrived, windows are equal parts of its log.
    """

    def __init__(self, spec: ConfidenceDrift, installation: Installation) -> None:
        self._spec = spec
        self._client = HttpClient(platform_endpoint(installation, spec.name), _TIMEOUT_S)

    @property
    def what(self) -> str:
        """In a sentence."""
        return f"mean confidence of {self._spec.windows:,} windows against that of the whole run"

    async def prepare(self) -> None:
        """Nothing to make."""

    async def beside(self, load: LoadClock) -> None:
        """Nothing to do: the platform records confidence and time of every decision."""

    async def conclude(self, load: ConcludedLoad) -> Measured:
        """Read every decision of the run; raises ``TargetError``."""
        confidences: list[float] = []
        arrivals: list[float | None] = []
        async for page in whole_decisions(self._client, load.run_tag):
            confidences += [one.confidence for one in page]
            arrivals += [one.arrived_s for one in page]
        known = [at_s for at_s in arrivals if at_s is not None]
        timed = len(known) == len(arrivals)
        at = np.array(known) if timed else np.arange(len(arrivals), dtype=np.float64)
        measured = drift(np.array(confidences), at, self._spec.windows)
        length_s = float(np.ptp(at)) if timed and len(known) > 1 else load.duration_s
        notes = list(measured.notes)
        if not timed:
            notes.append("the platform tells no times: windows are equal parts of its log")
        per_min = len(confidences) / length_s * 60.0 if length_s > 0 else None
        return Measured({**measured.figures, "decisions_per_min": per_min}, notes=tuple(notes))

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()


def drift(confidences: Floats, at: Floats, windows: int) -> Measured:
    """Windows of equal length over ``at``; the largest |mean of a window / mean of all − 1|.

    Windows with fewer than ``FEWEST`` decisions are left out.
    """
    figures: dict[str, float | None] = {"decisions": len(confidences), "windows": 0}
    if not len(confidences):
        return Measured(figures)
    mean = float(confidences.mean())
    length = float(np.ptp(at)) or 1.0
    window = np.minimum((at - at.min()) / length * windows, windows - 1).astype(np.int64)
    counts = np.bincount(window, minlength=windows)
    sums = np.bincount(window, weights=confidences, minlength=windows)
    told = counts >= FEWEST
    figures |= {"windows": int(told.sum()), "mean": round(mean, 5)}
    notes: tuple[str, ...] = ()
    if left_out := int(windows - told.sum()):
        notes = (f"{left_out} of {windows} windows have under {FEWEST} decisions: left out",)
    if told.any() and mean > 0:
        apart = np.abs(sums[told] / counts[told] / mean - 1.0)
        figures["drift_share_max"] = round(float(apart.max()), 6)
    return Measured(figures, notes=notes)
