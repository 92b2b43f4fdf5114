"""What is asked about a transaction, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, ip_address, ip_network

from fraud_platform.external.answers import Identity, Location
from fraud_platform.external.lookup import Answered, Source
from fraud_platform.wire.transaction import Transaction


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """The parties of one transaction that can be asked about; None where there is none."""

    customer: str
    device: str | None
    payee: str | None
    ip: str | None
    country: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the fraud database knows a device, payee or address by.

    The first six hexadecimal digits of the SHA-256 of ``kind:id``. It is asked for everything that
    begins with the first two: it never learns whom we mean, and one answer is good for a 256th of
    all devices.
    """

    kind: str
    prefix: str
    suffix: str

    @classmethod
    def of(cls, kind: str, what: str) -> Fingerprint:
        """The fingerprint of an id."""
        digits = sha256(f"{kind}:{what}".encode("utf-8", "surrogatepass")).hexdigest()
        return cls(kind, digits[:2], digits[2:6])


@dataclass(frozen=True, slots=True)
class Listing:
    """Whether something is listed as known for fraud; None where that could not be found out."""

    listed: bool | None
    source: Source


@dataclass(frozen=True, slots=True)
class Findings:
    """Answers on one transaction; None where there was nothing to ask."""

    identity: Answered[Identity] | None = None
    device: Listing | None = None
    payee: Listing | None = None
    address: Listing | None = None
    location: Answered[Location] | None = None

    @property
    def missing(self) -> bool:
        """Whether something that was asked has no answer at all."""
        asked = (self.identity, self.device, self.payee, self.address, self.location)
        return any(one is not None and one.source is Source.DEFAULT for one in asked)


def request_of(t: Transaction) -> CheckRequest:
    """What can be asked about a transaction."""
    return CheckRequest(t.user, t.device, t.payee, t.ip, t.country)


def network_of(ip: str, wider: bool = False) -> str | None:
    """The network that an address is located by: /24, or /16 where ``wider`` (IPv6: /48, /32).

    Providers locate networks, not single addresses, and /24 and /48 are the smallest that are
    routed on the Internet. None for what is no address.
    """
    try:
        version_4 = isinstance(ip_address(ip), IPv4Address)
    except ValueError:
        return None
    if version_4:
        return str(ip_network(f"{ip}/{16 if wider else 24}", strict=False))
    return str(ip_network(f"{ip}/{32 if wider else 48}", strict=False))
