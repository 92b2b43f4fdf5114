"""Where a customer is: mostly at home, now and then away, and never faster than a plane.

Time is cut into buckets of 96 hours, shifted by household. In one bucket one of two neighbours may
travel and the other stays, in the next the other way round. A traveller is away for the inside of
the bucket; at both ends lies the journey (one hour plus distance at 700 km/h) in which the
traveller pays nothing: such an arrival goes to the neighbour at home instead. So any two payments
of one customer in different cities are at least a journey apart, and a stay lasts far over six
hours.

Shares of payments: 85 % at home, 10 % in a near city, 5 % far away.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.transactions.hashing import I64, U64, hashed, joined, key_of, sixteen
from squall.load_generator.transactions.places import Places, city_distances_km

BUCKET_MS = 96 * 3_600_000
TRAVEL_SPEED_KMH = 700.0
DESTINATIONS = 32
"""Near and far destinations each, per city."""

_NEAR_KM = 1200.0
_NEAR_SHARE = 0.231  # of eligible buckets; half of all are, and about 13 % go by in transit
_FAR_SHARE = 0.130


class Movement:
    """Trips of the customers of one seed."""

    def __init__(self, seed: int, places: Places) -> None:
        self._pair_key = key_of(seed, "household")
        self._trip_key = key_of(seed, "trip")
        self.destination, self.journey_ms = _destinations(seed, places)

    def households(self, users: I64) -> U64:
        """A hash per household (neighbours 2m and 2m + 1)."""
        return hashed(users >> 1, self._pair_key)

    def locate(
        self, users: I64, households: U64, times_ms: I64, home: I64
    ) -> tuple[I64, I64, U64, NDArray[np.bool_]]:
        """Who really pays, in which city, a hash of the trip, and whether away from home."""
        shifted = times_ms + (households & np.uint64(0x1FFFFFFF)).view(np.int64)
        bucket = shifted // BUCKET_MS
        within = shifted - bucket * BUCKET_MS
        trip = joined(households, bucket, self._trip_key)
        chance = sixteen(trip, 0)
        away = chance < int((_NEAR_SHARE + _FAR_SHARE) * 65536)
        away &= ((bucket ^ users) & 1) == 0
        some = away.nonzero()[0]
        slot = home[some] * (2 * DESTINATIONS) + (sixteen(trip, 1)[some] & (DESTINATIONS - 1))
        slot += (chance[some] < int(_FAR_SHARE * 65536)) * DESTINATIONS
        inside = within[some]
        moving = np.minimum(inside, BUCKET_MS - inside) < self.journey_ms.take(slot)
        away[some] = ~moving
        payer = users.copy()
        payer[some] ^= moving
        city = home.astype(np.int64)
        city[some] = np.where(moving, city[some], self.destination.take(slot))
        return payer, city, trip, away


def _destinations(seed: int, places: Places) -> tuple[I64, I64]:
    """Destination cities and journey times, flat, shape (cities * 2 * DESTINATIONS,)."""
    cities = len(places.cities)
    distance = city_distances_km(places)
    draw = hashed(np.arange(cities * 2 * DESTINATIONS, dtype=np.int64), key_of(seed, "places"))
    pick = (sixteen(draw, 0) / 65536.0).reshape(cities, 2, DESTINATIONS)
    chosen = np.empty((cities, 2, DESTINATIONS), np.int64)
    for city in range(cities):
        same = distance[city] < 1.0
        near = places.weight * (distance[city] < _NEAR_KM) / (50.0 + distance[city])
        far = places.weight * (places.country != places.country[city])
        near[same] = far[same] = 0.0
        if near.sum() == 0.0:  # an island: the nearest few
            near = (np.argsort(np.argsort(distance[city])) < 4) & ~same
        for kind, weight in enumerate((near, far)):
            share = np.cumsum(weight)
            chosen[city, kind] = np.searchsorted(share / share[-1], pick[city, kind], side="right")
    km = distance[np.arange(cities)[:, None, None], chosen]
    journey_ms = (3_600_000 * (1.0 + km / TRAVEL_SPEED_KMH)).astype(np.int64)
    return chosen.ravel(), journey_ms.ravel()
