"""What a benchmark needs of a load tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
"""The percentiles that are compared."""

SCRIPTS = Path(__file__).resolve().parent / "scripts"


@dataclass(frozen=True, slots=True)
class Load:
    """One request for load. ``rate_tps`` None: as fast as the connections allow."""

    url: str
    """Scheme, host and port; the path is the same for all."""
    connections: int
    duration_s: float
    rate_tps: float | None
    directory: Path
    """Empty directory for what the tool needs and writes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool says of its run."""

    completed: int
    """Requests with an answer."""
    failed: int = 0
    """Requests without one, or with a wrong one."""
    percentiles_ms: Mapping[float, float] = field(default_factory=dict)
    """Its own response times by percentile; without those it does not give."""
    note: str = ""


class Comparator(Protocol):
    """A load tool."""

    @property
    def name(self) -> str:
        """As shown in tables."""
        ...

    @property
    def unique_body(self) -> bool:
        """Whether every request has a body of its own."""
        ...

    @property
    def checks_decision(self) -> bool:
        """Whether the decision is read from every answer."""
        ...

    @property
    def clock(self) -> str:
        """Where its response time starts, in words."""
        ...

    def version(self) -> str | None:
        """Its version; None where it is not installed."""
        ...

    def command(self, load: Load) -> list[str]:
        """The command that makes this load; prepares files in ``load.directory``."""
        ...

    def environment(self, load: Load) -> Mapping[str, str]:
        """Environment variables for the command."""
        ...

    def read(self, stdout: str, load: Load) -> Outcome:
        """What its output says.

        Raises:
            BenchmarkError: its output is not what this version is known to write.
        """
        ...
