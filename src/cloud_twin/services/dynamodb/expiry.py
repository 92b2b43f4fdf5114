"""When items expire: a sorted list of times, so that the sweep never searches."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice

from cloud_twin.services.dynamodb.attribute_values import Item
from cloud_twin.services.dynamodb.sorted_rows import SortedRows

IGNORED_AFTER_S = 5 * 365 * 86_400
"""Times further back than five years are taken for mistakes and never expire, as on AWS."""
_TIME_BYTES = 8


class Expiry:
    """Times to live of one table's items, by the attribute that holds them (Unix seconds)."""

    __slots__ = ("_times", "attribute")

    def __init__(self, attribute: str) -> None:
        self.attribute = attribute
        self._times = SortedRows()

    def moved(self, key: bytes, old_item: Item | None, item: Item | None) -> None:
        """An item was written (None: there was none, or is none now)."""
        old_s = self._expires_s(old_item)
        new_s = self._expires_s(item)
        if old_s == new_s:
            return
        if old_s is not None:
            self._times.remove(old_s.to_bytes(_TIME_BYTES, "big") + key)
        if new_s is not None:
            self._times.put(new_s.to_bytes(_TIME_BYTES, "big") + key, b"")

    def due(self, now_wall_s: float, limit: int) -> list[bytes]:
        """Keys of up to ``limit`` items that have expired, oldest first."""
        lower = max(0, int(now_wall_s) - IGNORED_AFTER_S).to_bytes(_TIME_BYTES, "big")
        upper = max(0, int(now_wall_s)).to_bytes(_TIME_BYTES, "big")
        found = islice(self._times.forward(lower, upper), limit)
        return [entry[_TIME_BYTES:] for entry, _ in found]

    def _expires_s(self, item: Item | None) -> int | None:
        if item is None:
            return None
        text = item.get(self.attribute, {}).get("N")
        if text is None:
            return None
        seconds = int(text) if text.isdigit() else int(Decimal(text))
        return seconds if 0 < seconds < 1 << 8 * _TIME_BYTES - 1 else None
