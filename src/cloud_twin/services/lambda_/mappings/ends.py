"""The two ends of a mapping: the stream it reads and the function it calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cloud_twin.services.lambda_.runtime.outcome import Outcome


class MappedFunction(Protocol):
    """The function that a mapping calls; looked up anew for every batch."""

    @property
    def arn(self) -> str:
        """As the mapping names it, with its qualifier."""
        ...

    @property
    def name(self) -> str:
        """Plain name."""
        ...

    @property
    def role(self) -> str:
        """Role that events carry. Raises ``AwsError`` where the function is gone."""
        ...

    async def invoke(self, payload: bytes, attempt: int) -> Outcome:
        """Run it; ``attempt`` counts from 1. Raises ``AwsError`` where it is throttled or gone."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """What a mapping reads, and from where on at first."""

    stream_arn: str
    position: str
    timestamp_s: float | None

    @property
    def region(self) -> str:
        """Of the stream."""
        return self.stream_arn.split(":")[3]
