"""Which arrivals are special (fraud or edge case): closed form, monotone, no memory.

With a share q, special number s lies somewhere in its own stratum of 1/q arrivals, at a hashed
offset. So the number of specials before any arrival is known without counting, the share holds to
within one stratum at any length, and no pattern can be predicted from outside.

At small shares strata are huge and fraud would come one by one, hours apart in event time. There
the specials are clumped: ``GROUP`` of them share a stratum and sit together, ``CLUMP_SPACING``
arrivals each, at a hashed place in it. Fraud then comes in bursts, as campaigns do.
"""

from __future__ import annotations

import numpy as np

from squall.load_generator.transactions.hashing import I64, U64, hashed

PPM = 1_000_000
GROUP = 16
CLUMP_SPACING = 5


class Strata:
    """Specials at a share of ``ppm`` parts in a million; ``key`` decides the offsets."""

    def __init__(self, ppm: int, key: U64, clumped: bool = False) -> None:
        self.ppm = ppm
        self.clumped = clumped and 0 < ppm * CLUMP_SPACING < PPM
        self._key = key
        self._numerator = np.array([ppm], np.int64)
        self._million = np.array([PPM], np.int64)

    @property
    def spacing(self) -> float:
        """Mean arrivals per special where specials are (inside a clump)."""
        return float(CLUMP_SPACING) if self.clumped else PPM / max(self.ppm, 1)

    def ordinals(self, numbers: I64) -> tuple[I64, I64]:
        """For each arrival its stratum's special number, and which arrival that special is.

        Outside of the clumps, and where there are no specials, the latter is −1.
        """
        if self.ppm == 0:
            return np.zeros_like(numbers), np.full_like(numbers, -1)
        scaled = numbers * self._numerator
        if not self.clumped:
            ordinal = scaled // self._million
            return ordinal, self.positions(ordinal)
        group = scaled // (self._million * GROUP)
        place = (numbers - self._window(group)) // CLUMP_SPACING
        inside = (place >= 0) & (place < GROUP)
        ordinal = group * GROUP + np.clip(place, 0, GROUP - 1)
        return ordinal, np.where(inside, self.positions(ordinal), -1)

    def slots(self, ordinals: I64) -> tuple[I64, I64]:
        """First arrival and length of each special's stratum (its part of the clump)."""
        if not self.clumped:
            scaled = ordinals * -PPM
            start = -(scaled // self.ppm)
            scaled -= PPM
            length = -(scaled // self.ppm)
            length -= start
            return start, length
        group = ordinals // GROUP
        start = self._window(group) + (ordinals - group * GROUP) * CLUMP_SPACING
        return start, np.full_like(start, CLUMP_SPACING)

    def positions(self, ordinals: I64) -> I64:
        """The arrival that each special is."""
        return self.whole(ordinals)[2]

    def whole(self, ordinals: I64) -> tuple[I64, I64, I64]:
        """First arrival, length and special of each special's stratum."""
        start, length = self.slots(ordinals)
        offset = hashed(ordinals, self._key).view(np.uint32)[::2] * length
        offset >>= 32
        offset += start
        return start, length, offset

    def _window(self, group: I64) -> I64:
        start = -((-group * GROUP * PPM) // self.ppm)
        end = -((-(group + 1) * GROUP * PPM) // self.ppm)
        room = end - start - GROUP * CLUMP_SPACING
        draw = hashed(group, self._key).view(np.uint32)[1::2].astype(np.int64)
        return start + ((draw * room) >> 32)
