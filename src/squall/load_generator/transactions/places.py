"""Countries, cities, neighbourhoods and currencies, from the data files beside this module.

A *spot* is a neighbourhood of a city: number ``city * SPOTS + k``. Everything that happens, happens
at a spot, so a transaction's place is one integer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.transactions.hashing import F64, I64, hashed, key_of, sixteen

SPOTS = 64
"""Neighbourhoods per city."""

EARTH_RADIUS_KM = 6371.0
_SPREAD_DEG = 0.045  # about 5 km: standard deviation of a neighbourhood around its centre


@dataclass(frozen=True, slots=True)
class Currencies:
    """Currencies by number."""

    codes: tuple[str, ...]
    exponents: I64
    per_usd: F64
    sources: tuple[str, ...]
    dates: tuple[str, ...]

    @property
    def minor_per_usd(self) -> F64:
        """Minor units per US dollar."""
        return self.per_usd * 10.0**self.exponents


@dataclass(frozen=True, slots=True)
class Places:
    """Cities by number; arrays have shape (cities,) unless said otherwise."""

    countries: tuple[str, ...]
    country_currency: I64
    """Currency number by country number."""
    price_level: F64
    """By country number, United States = 1."""
    cities: tuple[str, ...]
    country: I64
    """Country number by city number."""
    latitude: F64
    longitude: F64
    utc_offset_min: I64
    weight: F64
    """Share of the world's traffic; sums to 1."""
    spot_latitude: F64
    """Shape (cities * SPOTS,)."""
    spot_longitude: F64
    currencies: Currencies


def _read(name: str) -> dict[str, list[dict[str, object]]]:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    content: dict[str, list[dict[str, object]]] = json.loads(text)
    return content


def load_currencies() -> Currencies:
    """Read ``rates.json``."""
    rows = _read("rates.json")["currencies"]
    return Currencies(
        codes=tuple(str(r["code"]) for r in rows),
        exponents=np.array([r["exponent"] for r in rows], np.int64),
        per_usd=np.array([r["per_usd"] for r in rows], np.float64),
        sources=tuple(str(r["source"]) for r in rows),
        dates=tuple(str(r["date"]) for r in rows),
    )


def load_places() -> Places:
    """Read ``places.json`` and lay out the neighbourhoods."""
    currencies = load_currencies()
    countries, currency, level, city_rows = [], [], [], []
    for number, row in enumerate(_read("places.json")["countries"]):
        cities = row["cities"]
        assert isinstance(cities, list)
        total = sum(c["weight"] for c in cities)
        countries.append(str(row["country"]))
        currency.append(currencies.codes.index(str(row["currency"])))
        level.append(float(str(row["price_level"])))
        for city in cities:
            share = float(str(row["weight"])) * city["weight"] / total
            city_rows.append((number, city, share))
    latitude = np.array([c["latitude"] for _, c, _ in city_rows])
    longitude = np.array([c["longitude"] for _, c, _ in city_rows])
    weight = np.array([share for _, _, share in city_rows])
    north, east = _scatter(len(city_rows))
    spot_latitude = np.repeat(latitude, SPOTS) + north
    spot_longitude = np.repeat(longitude, SPOTS) + east / np.cos(np.radians(spot_latitude))
    return Places(
        countries=tuple(countries),
        country_currency=np.array(currency, np.int64),
        price_level=np.array(level),
        cities=tuple(str(c["name"]) for _, c, _ in city_rows),
        country=np.array([n for n, _, _ in city_rows], np.int64),
        latitude=latitude,
        longitude=longitude,
        utc_offset_min=np.array([c["utc_offset_min"] for _, c, _ in city_rows], np.int64),
        weight=weight / weight.sum(),
        spot_latitude=np.round(spot_latitude, 4),
        spot_longitude=np.round(spot_longitude, 4),
        currencies=currencies,
    )


def _scatter(cities: int) -> tuple[F64, F64]:
    """Offsets of the neighbourhoods in degrees, the same for every seed (towns do not move)."""
    draw = hashed(np.arange(cities * SPOTS, dtype=np.int64), key_of(0, "spots"))
    radius = _SPREAD_DEG * np.sqrt(-2.0 * np.log1p(-(sixteen(draw, 0) / 65536.0)))
    angle = 2.0 * np.pi * sixteen(draw, 1) / 65536.0
    return radius * np.sin(angle), radius * np.cos(angle)


def distance_km(lat1: F64, lon1: F64, lat2: F64, lon2: F64) -> F64:
    """Great-circle distance (haversine formula), degrees in, kilometres out."""
    a, b = np.radians(lat1), np.radians(lat2)
    h = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(lon2 - lon1) / 2) ** 2
    km: F64 = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(h, 1.0)))
    return km


def city_distances_km(places: Places) -> NDArray[np.float64]:
    """Distances between all cities, shape (cities, cities)."""
    lat, lon = places.latitude, places.longitude
    return distance_km(lat[:, None], lon[:, None], lat[None, :], lon[None, :])
