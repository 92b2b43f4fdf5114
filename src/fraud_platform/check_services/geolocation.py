"""Geolocation: where the network of an address is.

Addresses of squall's synthetic transactions are looked up in their plan (``address_plan.json``), so
that country and hosting are true of them; all others get a place drawn from their network.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from fraud_platform.check_services.draws import share_of

VALID_S = 86_400
PROXY_SHARE = 0.01
"""Of networks outside the plan's hosting blocks."""


@dataclass(frozen=True, slots=True)
class City:
    """A place an address can be at."""

    country: str
    name: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """Which /16 blocks belong to which country; see the note in the data file."""

    first_byte: int
    least_byte: int
    blocks_per_country: int
    blocks: int
    countries: tuple[tuple[City, ...], ...]

    def block(self, address: IPv4Address) -> int | None:
        """The number of an address's block; None outside the plan."""
        high, low = address.packed[:2]
        if high < self.first_byte or low < self.least_byte:
            return None
        number = (high - self.first_byte) * (256 - self.least_byte) + low - self.least_byte
        return number if number < self.blocks else None

    def cities_of(self, block: int) -> tuple[City, ...]:
        """Cities of a block's country; none where it is a hosting provider's."""
        country = block // self.blocks_per_country
        return self.countries[country] if country < len(self.countries) else ()


def load_plan() -> AddressPlan:
    """Read ``address_plan.json``."""
    text = resources.files(__package__).joinpath("address_plan.json").read_text("utf-8")
    plan: dict[str, Any] = json.loads(text)
    return AddressPlan(
        plan["first_byte"],
        plan["least_byte"],
        plan["blocks_per_country"],
        plan["blocks"],
        tuple(
            tuple(
                City(row["country"], city["name"], city["latitude"], city["longitude"])
                for city in row["cities"]
            )
            for row in plan["countries"]
        ),
    )


class GeolocationAnswers:
    """``GET /v1/addresses/{address}``."""

    name = "geolocation"

    def __init__(self, seed: int, plan: AddressPlan) -> None:
        self._seed = seed
        self._plan = plan

    def answer(self, parts: tuple[str, ...]) -> dict[str, Any] | None:
        """The answer to a path, or None where there is nothing."""
        if parts[:2] != ("v1", "addresses") or len(parts) != 3:
            return None
        try:
            address = ip_address(parts[2])
        except ValueError:
            return None
        prefix = 24 if isinstance(address, IPv4Address) else 48
        network = str(ip_network(f"{address}/{prefix}", strict=False))
        city, hosting = self._place(address, network)
        drawn = share_of(self._seed, self.name, network, "proxy") < PROXY_SHARE
        return {
            "address": str(address),
            "network": network,
            "country": city.country if city else None,
            "city": city.name if city else None,
            "latitude": city.latitude if city else None,
            "longitude": city.longitude if city else None,
            "proxy": hosting or drawn,
            "hosting": hosting,
            "valid_s": VALID_S,
        }

    def _place(self, address: IPv4Address | IPv6Address, network: str) -> tuple[City | None, bool]:
        drawn = share_of(self._seed, self.name, network)
        block = self._plan.block(address) if isinstance(address, IPv4Address) else None
        if block is None:
            countries = self._plan.countries
            cities = countries[int(drawn * len(countries))]
        else:
            cities = self._plan.cities_of(block)
            if not cities:
                return None, True
        within = share_of(self._seed, self.name, network, "city")
        return cities[int(within * len(cities))], False
