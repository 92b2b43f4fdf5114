"""Event time: which moment an arrival index stands for, and where it is day then.

The virtual timeline ends at ``epoch_s``. Its mean spacing Δ makes the population average 48
payments per user in 30.4 days (Atlanta Fed, 2024 survey of consumer payments), or less where that
would make the timeline longer than 300 days. Along it the arrival rate follows the world's day and
week: every city has the same rhythm in its local time, the world's rate is their sum, and an index
maps to time by the inverse of that rate's integral, kept as a piecewise linear table.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.transactions.hashing import F64, I64
from squall.load_generator.transactions.places import Places

PAYMENTS_PER_MONTH = 48.0
MONTH_DAYS = 30.4
SPAN_DAYS_MAX = 300.0
HOURS_PER_WEEK = 168
CITY_SLOTS = 4096
"""Resolution of the choice of a city."""

_HOUR_MS = 3_600_000
_OVERRUN_MS = 0.01  # per arrival past the plan: a million of them are ten seconds
_JITTER_MS_MAX = 2_000.0
_MONDAY = 345_600_000  # 1970-01-05 was a Monday

_HOURLY = (0.22, 0.14, 0.10, 0.08, 0.08, 0.13, 0.32, 0.62, 0.92, 1.10, 1.22, 1.36,
           1.56, 1.42, 1.26, 1.26, 1.40, 1.64, 1.74, 1.54, 1.24, 0.94, 0.64, 0.40)  # fmt: skip
_DAILY = (0.94, 0.95, 0.98, 1.02, 1.16, 1.18, 0.80)
_HOLIDAY_FACTOR = 1.5


def local_rhythm() -> F64:
    """Relative activity by hour of the local week, Monday 00:00 first; mean 1."""
    week = np.outer(_DAILY, _HOURLY).ravel()
    rhythm: F64 = week / week.mean()
    return rhythm


def is_holiday_season(day: date) -> bool:
    """The shopping days that lift traffic: 11 and 24–30 November, 12–31 December."""
    if day.month == 11:
        return day.day == 11 or day.day >= 24
    return day.month == 12 and day.day >= 12


def span_s(planned: int, population: int) -> float:
    """Length of the virtual timeline in seconds."""
    natural = planned / (PAYMENTS_PER_MONTH * population) * MONTH_DAYS
    return min(natural, SPAN_DAYS_MAX) * 86_400.0


class Timeline:
    """Maps arrival indices to event time in milliseconds since 1970."""

    def __init__(self, planned: int, population: int, epoch_s: float, places: Places) -> None:
        self.planned = planned
        self.span_s = span_s(planned, population)
        self.spacing_s = self.span_s / planned
        self.end_ms = int(epoch_s * 1000)
        self.start_ms = self.end_ms - int(self.span_s * 1000)
        self._by_hour = _city_rates(places)
        self._knots = self._inverse(self._by_hour.sum(axis=1))
        self._slopes = np.diff(self._knots)
        self._scale = (len(self._knots) - 1) / planned
        self._jitter = min(2000.0 * self.spacing_s, _JITTER_MS_MAX) / 65536.0
        self.city_slots = _city_slots(self._by_hour)
        """City numbers, shape (HOURS_PER_WEEK * CITY_SLOTS,): which city is active in an hour."""
        self.first_day = int(self.start_ms // 86_400_000) - 2
        self.day_lift = self._day_lifts()
        """Natural-log lift of amounts by day since ``first_day``."""

    def _inverse(self, hourly: F64) -> F64:
        hours = np.arange(self.start_ms // _HOUR_MS, self.end_ms // _HOUR_MS + 2)
        rate = hourly[self._hour_of_week(hours * _HOUR_MS)]
        days = [date(1970, 1, 1) + timedelta(days=int(h // 24)) for h in hours]
        rate = rate * np.array([_HOLIDAY_FACTOR if is_holiday_season(d) else 1.0 for d in days])
        integral = np.concatenate([[0.0], np.cumsum(rate)])
        edges = np.append(hours, hours[-1] + 1) * float(_HOUR_MS)
        first, last = np.interp([self.start_ms, self.end_ms], edges, integral)
        knots = int(np.clip(4 * len(hours), 64, 32_768))
        return np.interp(np.linspace(first, last, knots + 1), integral, edges)

    def _day_lifts(self) -> F64:
        start = datetime.fromtimestamp(self.first_day * 86_400, UTC).date()
        count = int(self.span_s // 86_400) + 8
        lifts = [
            0.15 if is_holiday_season(start + timedelta(days=n)) else 0.0 for n in range(count)
        ]
        return np.array(lifts)

    @staticmethod
    def _hour_of_week(time_ms: I64) -> I64:
        return (time_ms - _MONDAY) // _HOUR_MS % HOURS_PER_WEEK

    def times_ms(self, indices: I64, draw: NDArray[np.uint16]) -> I64:
        """Event times of arrivals; ``draw`` (0 … 65535) jitters each by up to two spacings.

        Arrivals past the plan go on from the end at 0.01 ms each, so that a run that was sped up
        by hand still sends nothing from the future.
        """
        overrun = int(indices.max(initial=0)) >= self.planned
        within = np.minimum(indices, self.planned) if overrun else indices
        position = within * self._scale
        knot = position.astype(np.int64)
        if overrun:
            np.minimum(knot, len(self._slopes) - 1, out=knot)
        position -= knot
        position *= self._slopes.take(knot)
        position += self._knots.take(knot)
        position -= draw * self._jitter
        if overrun:
            position += np.maximum(indices - self.planned, 0) * _OVERRUN_MS
        return position.astype(np.int64)

    def hour_of_week(self, times_ms: I64) -> I64:
        """Hour of the week in UTC, Monday 00:00 is 0."""
        return self._hour_of_week(times_ms)


def _city_rates(places: Places) -> F64:
    """Activity by hour of the UTC week and city, shape (168, cities)."""
    rhythm = local_rhythm()
    hours = np.arange(HOURS_PER_WEEK)[:, None]
    local = (hours + places.utc_offset_min[None, :] // 60) % HOURS_PER_WEEK
    rates: F64 = rhythm[local] * places.weight[None, :]
    return rates


def _city_slots(rates: F64) -> NDArray[np.uint8]:
    """Inverse distribution of the city for every hour of the week."""
    centres = (np.arange(CITY_SLOTS) + 0.5) / CITY_SLOTS
    slots = np.empty((HOURS_PER_WEEK, CITY_SLOTS), np.uint8)
    for hour in range(HOURS_PER_WEEK):
        share = np.cumsum(rates[hour])
        slots[hour] = np.searchsorted(share / share[-1], centres)
    return slots.ravel()
