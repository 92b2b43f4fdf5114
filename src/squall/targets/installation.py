"""Where a target's parts are, for what looks at them or disturbs them beside the load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from squall.targets.aws.access import Access


@dataclass(frozen=True, slots=True)
class Installation:
    """Each is None where the target has none, or it is not known. URLs end without a slash."""

    platform_url: str | None = None
    """Of the reference platform's gateway."""
    twin_url: str | None = None
    checks_url: str | None = None
    """Of the external checks."""
    access: Access | None = None
    """Where AWS is and as whom it is used."""
    open_client: Callable[[str], Any] | None = None
    """A botocore client of a service there."""
