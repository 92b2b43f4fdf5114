"""What plans do to a call."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_twin.errors import AwsError
from cloud_twin.service import PartialFailure


@dataclass(slots=True)
class Effect:
    """All that plans do to one call; where several refuse it, the oldest does."""

    latency_ms: float = 0.0
    refusal: AwsError | None = None
    """Instead of carrying it out."""
    drop: bool = False
    """Close the connection instead of carrying it out."""
    lost: bool = False
    """Carry it out, then close the connection."""
    lost_as: AwsError | None = None
    """Carry it out, then answer with this error."""
    partial: PartialFailure | None = None

    @property
    def settled(self) -> bool:
        """Whether its outcome is decided: a further plan can only make it later."""
        return self.drop or self.lost or self.refusal is not None or self.lost_as is not None
