"""What a probe is: work beside the load, measured on its own and reported under its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from squall.load_generator.load_clock import LoadClock
from squall.models import Accounting, LatencySummary, SourceSpec


@dataclass(frozen=True, slots=True)
class ConcludedLoad:
    """A load after its final read."""

    run_tag: str
    accounting: Accounting
    source: SourceSpec
    """What its transactions were made from."""
    started_unix_s: float
    duration_s: float
    """Of the load."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a probe found: its type's figures by name, None for what was not measured."""

    figures: Mapping[str, float | None]
    latency_ms: LatencySummary = field(default_factory=lambda: LatencySummary(0))
    notes: tuple[str, ...] = ()


__all__ = ["ConcludedLoad", "LoadClock", "Measured", "Probe"]


class Probe(Protocol):
    """One probe of one run. Each method raises a ``SquallError`` where it cannot go on."""

    @property
    def what(self) -> str:
        """What it does, in a sentence, with its amounts."""
        ...

    async def prepare(self) -> None:
        """Make what it needs, before the load; a failure here ends the run before it begins."""
        ...

    async def beside(self, load: LoadClock) -> None:
        """Work beside the load until done; cancelled when the load has been drained."""
        ...

    async def conclude(self, load: ConcludedLoad) -> Measured:
        """What was measured, and what can only be measured after the final read."""
        ...

    async def close(self) -> None:
        """Remove what it made. Harmless when repeated."""
        ...
