"""What happened beside a load: probes and faults, as results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from squall.models.histogram import LatencySummary


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one probe measured."""

    name: str
    type: str
    what: str
    """In a sentence, with the amounts as they were run."""
    figures: Mapping[str, float | None]
    """By the names that its type gives; None: not measured."""
    latency_ms: LatencySummary = field(default_factory=lambda: LatencySummary(0))
    """Of its operations, from the moment they were due."""
    problem: str = ""
    """Why it could not be carried out, or not to its end."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """One fault as it was in force. Seconds since the start of the load."""

    name: str
    type: str
    what: str
    during: str
    began_s: float | None
    """None: it could not be put in force."""
    ended_s: float | None
    problem: str = ""
