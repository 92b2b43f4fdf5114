"""A page of a target's records that say when they were decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from squall.load_generator.reconcile import DecisionPage


@dataclass(frozen=True, slots=True)
class DatedPage(DecisionPage):
    """As ``DecisionPage``; ``decided_unix_s`` has a time for each id, None where it has none."""

    decided_unix_s: Sequence[float | None] = ()
    place: str = ""
    """Where the times are from, for notes: ``decided_at in the table decisions``."""
