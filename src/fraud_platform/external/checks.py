"""All external checks on a micro-batch, within one deadline."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraud_platform.external.answers import (
    Identity,
    ListedRange,
    Location,
    read_identity,
    read_location,
    read_range,
)
from fraud_platform.external.findings import (
    CheckRequest,
    Findings,
    Fingerprint,
    Listing,
    network_of,
)
from fraud_platform.external.lookup import Answered, GuardedLookup, LookupOptions
from fraud_platform.external.transport import JsonService
from fraud_platform.remote.cache import StaleCache

DEVICE, PAYEE, ADDRESS = "device", "payee", "address"
Range = tuple[str, str]
"""Kind and prefix of fingerprints: what the fraud database is asked about."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """One service: where it is and how it is treated."""

    url: str
    lookup: LookupOptions


@dataclass(frozen=True, slots=True)
class ChecksOptions:
    """All three services."""

    identity: ServiceOptions
    fraud_database: ServiceOptions
    geolocation: ServiceOptions
    networks_limit: int = 50_000
    """Wider networks whose last location is remembered for the fallback."""
    networks_fresh_s: float = 86_400.0

    @classmethod
    def at(
        cls,
        base_url: str,
        identity_tps: float = 45.0,
        fraud_database_tps: float = 180.0,
        geolocation_tps: float = 180.0,
        timeout_s: float = 5.0,
    ) -> ChecksOptions:
        """The usual treatment of the services under ``base_url``, a tenth below their limits."""
        day_s = 86_400.0

        def service(path: str, tps: float, fresh_s: float, stale_s: float) -> ServiceOptions:
            return ServiceOptions(
                f"{base_url.rstrip('/')}/{path}",
                LookupOptions(
                    rate_tps=tps,
                    burst=max(1.0, tps / 4.0),
                    timeout_s=timeout_s,
                    fresh_s=fresh_s,
                    stale_s=stale_s,
                ),
            )

        return cls(
            service("identity", identity_tps, day_s, 7 * day_s),
            service("fraud-database", fraud_database_tps, 3_600.0, day_s),
            service("geolocation", geolocation_tps, day_s, 7 * day_s),
        )


class ExternalChecks:
    """Identity, fraud database and geolocation; used from any thread."""

    def __init__(
        self,
        options: ChecksOptions,
        seed: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``seed`` is of the retries' jitter; None: another one in each process."""
        self._clock = clock
        identity = _service(options.identity)
        database = _service(options.fraud_database)
        geolocation = _service(options.geolocation)
        self._services = (identity, database, geolocation)

        def verification(customer: str, timeout_s: float) -> Identity:
            return read_identity(identity.get("v1", "verifications", customer, timeout_s=timeout_s))

        def listed(what: Range, timeout_s: float) -> ListedRange:
            return read_range(database.get("v1", "ranges", *what, timeout_s=timeout_s))

        def location(network: str, timeout_s: float) -> Location:
            address = network.partition("/")[0]
            found = geolocation.get("v1", "addresses", address, timeout_s=timeout_s)
            self._placed(network, place := read_location(found))
            return place

        def generator(name: str) -> random.Random:
            return random.Random(None if seed is None else f"{seed}-{name}")

        self._identity = GuardedLookup(
            "identity", verification, options.identity.lookup, generator("identity"), clock
        )
        self._database = GuardedLookup(
            "fraud_database", listed, options.fraud_database.lookup, generator("database"), clock
        )
        self._geolocation = GuardedLookup(
            "geolocation",
            location,
            options.geolocation.lookup,
            generator("geolocation"),
            clock,
            self._nearby,
        )
        self._lookups: tuple[GuardedLookup[Any, Any], ...] = (
            self._identity,
            self._database,
            self._geolocation,
        )
        self._lock = threading.Lock()
        self._wider = StaleCache[str, Location](
            options.networks_limit, options.networks_fresh_s, 0.0
        )
        self._checked = 0

    def check(self, requests: Sequence[CheckRequest], deadline_s: float) -> list[Findings]:
        """Findings in the order of the requests, within ``deadline_s`` seconds.

        Never raises for anything that a service does: what it did not answer comes from older
        answers or is left open.
        """
        if not requests:
            return []
        with self._lock:
            self._checked += len(requests)
        until_s = self._clock() + deadline_s
        networks = [None if r.ip is None else network_of(r.ip) for r in requests]
        prints = [_fingerprints(r) for r in requests]
        ranges = [(p.kind, p.prefix) for row in prints for p in row.values()]
        identities = self._identity.start([r.customer for r in requests], until_s)
        entries = self._database.start(ranges, until_s)
        places = self._geolocation.start([n for n in networks if n is not None], until_s)
        identity, entry = identities.answers(), entries.answers()
        place = places.answers()
        return [
            Findings(
                identity=identity[r.customer],
                device=_listing(row.get(DEVICE), entry),
                payee=_listing(row.get(PAYEE), entry),
                address=_listing(row.get(ADDRESS), entry),
                location=None if n is None else place[n],
            )
            for r, row, n in zip(requests, prints, networks, strict=True)
        ]

    def figures(self) -> dict[str, Any]:
        """Everything countable since the start, as plain values."""
        return {
            "transactions": self._checked,
            **{one.name: one.figures() for one in self._lookups},
        }

    def shrink_caches(self, limit: int) -> None:
        """Hold at most so many entries per service from now on (memory is short)."""
        for lookup in self._lookups:
            lookup.shrink_cache(limit)

    def close(self) -> None:
        """Let the threads and connections go."""
        for lookup in self._lookups:
            lookup.close()
        for service in self._services:
            service.close()

    def _placed(self, network: str, location: Location) -> None:
        """Remember where the wider network around it was last said to be."""
        with self._lock:
            self._wider.put(_around(network), location, self._clock())

    def _nearby(self, network: str) -> Location | None:
        with self._lock:
            near = self._wider.get(_around(network), self._clock())
        return None if near is None else near.value


def _around(network: str) -> str:
    wider = network_of(network.partition("/")[0], wider=True)
    assert wider is not None, "a network's address is an address"
    return wider


def _service(options: ServiceOptions) -> JsonService:
    return JsonService(options.url, options.lookup.concurrency)


def _fingerprints(request: CheckRequest) -> dict[str, Fingerprint]:
    parties = {DEVICE: request.device, PAYEE: request.payee, ADDRESS: request.ip}
    return {kind: Fingerprint.of(kind, what) for kind, what in parties.items() if what is not None}


def _listing(
    fingerprint: Fingerprint | None, entries: Mapping[Range, Answered[ListedRange]]
) -> Listing | None:
    if fingerprint is None:
        return None
    answer = entries[fingerprint.kind, fingerprint.prefix]
    listed = None if answer.value is None else fingerprint.suffix in answer.value.suffixes
    return Listing(listed, answer.source)
