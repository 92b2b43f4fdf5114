"""What is bought: payment kinds, merchant categories, merchants and amounts.

Amounts are log-normal within a category with a Pareto tail of exponent 2.5 above the 99th
percentile (the exponent measured for convenience stores), scaled by customer, merchant and
country, converted at the reference rates and rounded as prices are. Category medians are the
product's own choices, fitted so that the mean in the United States is near the 47 dollars of its
debit cards. Merchants are chosen by Zipf's law with exponent 1 within a city (or among the online
shops).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from statistics import NormalDist

import numpy as np

from squall.load_generator.transactions.hashing import F64, I64, U64, thirty_two
from squall.load_generator.transactions.places import Currencies, Places

PARETO_EXPONENT = 2.5
AMOUNT_CAP = 99_000_000
"""Largest amount made, in minor units."""

_TAIL = 0.01
_Z_TABLE = 4096
_WHEEL = 64  # categories repeat along merchant numbers with this period


class Kind(IntEnum):
    """How a payment is made; ``Channel`` and ``type`` on the wire follow from it."""

    CONTACTLESS = 0
    CHIP = 1
    ONLINE = 2
    CASH = 3
    TRANSFER = 4


class Rounding(IntEnum):
    """How prices end, in hundredths of a unit of money."""

    EXACT = 0
    WHOLE = 1
    FIVE = 2
    TEN = 3
    TWENTY = 4
    FIFTY = 5
    POINT_99 = 6
    HUNDRED = 7


_ROUNDING_UNIT = np.array([1.0, 100.0, 500.0, 1000.0, 2000.0, 5000.0, 100.0, 10_000.0])


@dataclass(frozen=True, slots=True)
class Category:
    """A merchant category: ISO 18245 code, share of merchants, amounts in US dollars."""

    code: str
    weight: int
    median_usd: float
    sigma: float
    endings: tuple[Rounding, Rounding, Rounding, Rounding] = (
        Rounding.EXACT,
        Rounding.EXACT,
        Rounding.POINT_99,
        Rounding.WHOLE,
    )


_EXACT4 = (Rounding.EXACT,) * 4
_EVEN = (Rounding.TEN, Rounding.TWENTY, Rounding.FIFTY, Rounding.FIFTY)

IN_PERSON = (
    Category("5411", 12, 27.0, 0.80, _EXACT4),  # groceries
    Category("5812", 9, 24.0, 0.65),  # restaurants
    Category("5814", 9, 10.5, 0.50),  # fast food
    Category("5541", 6, 34.0, 0.45, (Rounding.EXACT, Rounding.EXACT, Rounding.EXACT, Rounding.TEN)),
    Category("5912", 4, 17.0, 0.70, _EXACT4),  # pharmacies
    Category("5651", 4, 42.0, 0.75),  # clothing
    Category("5311", 4, 38.0, 0.80),  # department stores
    Category("5200", 3, 45.0, 0.95),  # home supplies
    Category("5732", 2, 95.0, 1.00),  # electronics
    Category("7011", 2, 140.0, 0.70),  # hotels
    Category("4111", 3, 4.0, 0.50, _EXACT4),  # local transport
    Category("5813", 3, 19.0, 0.60),  # bars
    Category("5944", 1, 150.0, 0.90),  # jewellery
    Category("5947", 1, 40.0, 0.65, _EVEN),  # gifts and gift cards
    Category("8011", 1, 60.0, 0.80, _EXACT4),  # doctors
)
ONLINE = (
    Category("5964", 18, 30.0, 0.80),  # mail order and marketplaces
    Category("5816", 8, 9.0, 0.70, (Rounding.POINT_99,) * 4),  # games
    Category("4899", 6, 13.0, 0.30, (Rounding.POINT_99,) * 4),  # streaming
    Category("5651", 7, 50.0, 0.70),  # clothing
    Category("4121", 5, 15.0, 0.50, _EXACT4),  # rides
    Category("5812", 6, 24.0, 0.45, _EXACT4),  # food delivery
    Category("5732", 3, 110.0, 0.90),  # electronics
    Category("4722", 2, 220.0, 0.80),  # travel agencies
    Category("4511", 2, 210.0, 0.70),  # airlines
    Category("5947", 2, 45.0, 0.65, _EVEN),  # gift cards
    Category("4814", 2, 28.0, 0.40),  # telephone
    Category("8398", 1, 22.0, 0.80, (Rounding.FIVE, Rounding.TEN, Rounding.WHOLE, Rounding.TEN)),
    Category("7995", 1, 35.0, 0.90, (Rounding.FIVE, Rounding.TEN, Rounding.TWENTY, Rounding.WHOLE)),
    Category("4900", 1, 70.0, 0.60, _EXACT4),  # utilities
)
_CASH = Category("", 1, 75.0, 0.55, (Rounding.TWENTY,) * 4)
_TRANSFER = Category(
    "", 1, 85.0, 1.15, (Rounding.EXACT, Rounding.TEN, Rounding.FIFTY, Rounding.HUNDRED)
)
CATEGORIES = (*IN_PERSON, *ONLINE, _CASH, _TRANSFER)
"""By category number; the last two have no code."""

CASH_CATEGORY = len(CATEGORIES) - 2
TRANSFER_CATEGORY = len(CATEGORIES) - 1


class Trade:
    """Merchants, categories and amounts of one population."""

    def __init__(self, population: int, places: Places) -> None:
        cities = len(places.cities)
        self.online_city = cities
        """Number of the place where online shops are."""
        total = int(np.clip(population // 6, 40 * _WHEEL, 200_000))
        shares = np.append(places.weight * 0.85, 0.15)
        self._sizes = np.maximum((total * shares).astype(np.int64), 4)
        self._sizes[-1] = max(int(self._sizes[-1]), 4 * _WHEEL)
        self._starts = np.cumsum(self._sizes) - self._sizes
        self.merchants = int(self._sizes.sum())
        self._log_sizes = np.log(self._sizes + 1.0)
        wheels = (_wheel(IN_PERSON, 0), _wheel(ONLINE, len(IN_PERSON)))
        self._wheels = np.concatenate(wheels)
        self._residues = np.array([int((wheels[1] == c).argmax()) for c in range(len(CATEGORIES))])
        self._first_online = int(self._starts[-1])
        self._log_median = np.log([c.median_usd for c in CATEGORIES])
        self._sigma = np.array([c.sigma for c in CATEGORIES])
        self._endings = np.array([c.endings for c in CATEGORIES], np.int64).ravel()
        self._scores = _standard_scores()
        self._prices = _PriceTags(places.currencies)

    def pick_merchant(self, places: I64, draw: U64) -> I64:
        """A merchant of each place (a city number or ``online_city``) by Zipf's law.

        P(rank ≤ r) = ln(r + 1) / ln(M + 1), so the rank is (M + 1)^u − 1.
        """
        log_rank = thirty_two(draw, 1) * 2.0**-32
        log_rank *= self._log_sizes.take(places)
        np.exp(log_rank, out=log_rank)
        rank = log_rank.astype(np.int64)
        rank -= 1
        rank += self._starts.take(places)
        return rank

    def category(self, merchants: I64, online: I64) -> I64:
        """Category numbers; ``online`` is 1 for online shops, 0 for others."""
        number: I64 = self._wheels.take((merchants & (_WHEEL - 1)) + online * _WHEEL)
        return number

    def of_category(self, merchants: I64, category: I64) -> I64:
        """The merchants nearest in number that are online shops of these categories."""
        turn = (merchants - self._first_online) // _WHEEL + -(-self._first_online // _WHEEL)
        number: I64 = turn * _WHEEL + self._residues.take(category)
        number -= (number >= self.merchants) * _WHEEL
        return number

    def log_usd(self, category: I64, draw: U64) -> F64:
        """Natural logarithm of an amount in US dollars before any scaling."""
        position = thirty_two(draw, 0) >> np.uint32(20)
        score: F64 = self._scores.take(position)
        score *= self._sigma.take(category)
        score += self._log_median.take(category)
        return score

    def endings(self, category: I64, draw: I64) -> I64:
        """How the price ends, from two random bits."""
        return self._endings.take(category * 4 + draw)

    def minor_units(self, log_usd: F64, currency: I64, endings: I64) -> I64:
        """Amounts in minor units of their currencies, rounded as prices are."""
        return self._prices.minor_units(log_usd, currency, endings)

    @property
    def usd_per_minor(self) -> F64:
        """US dollars per minor unit, by currency number."""
        return self._prices.usd_per_minor


class _PriceTags:
    """Turns dollars into prices: 'ten' means 10 dollars, 10 euros, 1,000 yen, 10,000 won."""

    def __init__(self, currencies: Currencies) -> None:
        minor = currencies.minor_per_usd
        self.usd_per_minor = 1.0 / minor
        self._log_minor = np.log(minor)
        round_unit = 10.0 ** np.round(np.log10(currencies.per_usd))
        unit = round_unit * 10.0**currencies.exponents / 100.0
        self._units = np.maximum(unit[:, None] * _ROUNDING_UNIT[None, :], 1.0).ravel()
        below = np.zeros((len(minor), len(_ROUNDING_UNIT)))
        below[:, Rounding.POINT_99] = np.floor(np.maximum(unit, 1.0))
        self._below = below.ravel()

    def minor_units(self, log_usd: F64, currency: I64, endings: I64) -> I64:
        amount = log_usd + self._log_minor.take(currency)
        np.exp(amount, out=amount)
        style = currency * len(_ROUNDING_UNIT) + endings
        unit = self._units.take(style)
        amount /= unit
        np.rint(amount, out=amount)
        np.maximum(amount, 1.0, out=amount)
        amount *= unit
        amount -= self._below.take(style)
        np.minimum(amount, AMOUNT_CAP, out=amount)
        np.maximum(amount, 1.0, out=amount)
        return amount.astype(np.int64)


def _wheel(categories: tuple[Category, ...], first: int) -> I64:
    weights = np.array([c.weight for c in categories])
    assert weights.sum() == _WHEEL
    # Spread each category evenly round the wheel, so that popular ranks get a mixture.
    turns = [
        ((k + 0.5) / weight + 1e-3 * n, first + n)
        for n, weight in enumerate(weights)
        for k in range(weight)
    ]
    return np.array([number for _, number in sorted(turns)], np.int64)


def _standard_scores() -> F64:
    """Standard scores of log-amounts: normal, with a Pareto tail on top.

    Above the 99th percentile P(X > x) falls as x^−α, so ln x grows by ln(0.01/p)/α; in standard
    scores that is divided by σ, taken at 0.8.
    """
    normal = NormalDist()
    score = np.empty(_Z_TABLE)
    start = normal.inv_cdf(1.0 - _TAIL)
    for n in range(_Z_TABLE):
        above = 1.0 - (n + 0.5) / _Z_TABLE
        if above < _TAIL:
            score[n] = start + np.log(_TAIL / above) / (PARETO_EXPONENT * 0.8)
        else:
            score[n] = normal.inv_cdf(1.0 - above)
    return score
