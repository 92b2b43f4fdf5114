"""Customers: who they are, how active, where at home. All pure functions of a customer's number.

Numbers 0 … population − 1 are the ordinary customers, laid out city by city in even counts, so
that 2m and 2m + 1 are neighbours who may share a household. From ``population`` on come the
organisations that are paid by transfer, and after them the people that fraud campaigns make up.

Activity follows a log-normal law. With σ = 1.466 its Gini coefficient 2Φ(σ/√2) − 1 is 0.70 and the
top quarter makes 79 % of the payments, against 0.70 and 80 % published. The law is truncated at −3
… 2.9 standard deviations, so that nobody pays a hundred times a day; σ is 1.62 to make up for that
and for customers who are too few in a small town to differ so much.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from squall.load_generator.transactions.hashing import F64, I64, U64, hashed, key_of, thirty_two
from squall.load_generator.transactions.places import Places

ORGANISATIONS = 400
ID_SPACE = 100_000_000
"""Numbers of users, merchants and accounts are below this: eight digits."""

_SIGMA = 1.62
_LOWEST, _HIGHEST = -3.0, 2.9
_TABLE = 4096


class People:
    """The customers of one seed."""

    def __init__(self, seed: int, population: int, places: Places) -> None:
        self.population = population + population % 2
        self.made_from = self.population + ORGANISATIONS
        """First number of made-up people."""
        self._sizes = _even_shares(self.population, places.weight)
        self._ends = np.cumsum(self._sizes)
        self._starts = self._ends - self._sizes
        self._quantiles = _activity_quantiles()
        self._steps = np.diff(self._quantiles)
        self._key = key_of(seed, "person")
        self._cities = len(places.cities)
        occupied = np.flatnonzero(self._sizes > 0)
        nearest = np.abs(occupied[None, :] - np.arange(self._cities)[:, None]).argmin(axis=1)
        self.occupied = occupied[nearest].astype(np.uint8)
        """For each city itself, or the nearest in the list that has customers."""

    def pick(self, cities: I64, draw: U64) -> I64:
        """One customer of each city, the active ones more often; upper half of ``draw`` is used."""
        position = thirty_two(draw, 1) * (_TABLE / 2.0**32)
        knot = position.astype(np.int64)
        position -= knot
        position *= self._steps.take(knot)
        position += self._quantiles.take(knot)
        position *= self._sizes.take(cities)
        number = position.astype(np.int64)
        number += self._starts.take(cities)
        return number

    def home_city(self, numbers: I64) -> I64:
        """City number of ordinary customers; made-up people live in a hashed one."""
        city = np.searchsorted(self._ends, numbers, side="right")
        made = np.flatnonzero(city >= self._cities)
        if len(made):
            city[made] = self.occupied.take(
                (hashed(numbers[made], self._key) % np.uint64(self._cities)).astype(np.int64)
            )
        return city

    def traits(self, numbers: I64) -> U64:
        """The hash that all of a customer's fixed attributes are read from."""
        return hashed(numbers, self._key)


def _even_shares(total: int, weight: F64) -> I64:
    """Split an even total into even parts in proportion to ``weight`` (largest remainders)."""
    exact = weight * (total // 2)
    pairs = np.floor(exact).astype(np.int64)
    missing = total // 2 - int(pairs.sum())
    pairs[np.argsort(pairs - exact, kind="stable")[:missing]] += 1
    return pairs * 2


def _activity_quantiles() -> F64:
    """Share of customers (most active first) behind each share of payments, ``_TABLE`` + 1 knots.

    For log-normal weights the payments up to standard score z are Φ(z − σ) of all, the customers
    Φ(z).
    """
    normal = NormalDist()
    low, high = normal.cdf(_LOWEST), normal.cdf(_HIGHEST)
    pay_low, pay_high = normal.cdf(_LOWEST - _SIGMA), normal.cdf(_HIGHEST - _SIGMA)
    shares = np.linspace(pay_low, pay_high, _TABLE + 1)
    z = np.array([normal.inv_cdf(float(s)) for s in shares]) + _SIGMA
    z[0], z[-1] = _LOWEST, _HIGHEST
    customers = (np.array([normal.cdf(float(v)) for v in z]) - low) / (high - low)
    return np.clip(1.0 - customers[::-1], 0.0, 1.0 - 1e-12)
