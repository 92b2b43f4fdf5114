"""What kind of figure something is, and the units in which people write it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """Kinds of figure; only figures of one kind are compared."""

    COUNT = "a count"
    NUMBER = "a plain number"
    TIME = "a time"
    RATE = "a rate"
    SHARE = "a share"
    BYTES = "an amount of memory"
    MONEY = "an amount of money"
    CORES = "a number of cores"
    FLAG = "yes or no"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: ``factor`` of them make the kind's base unit's size (s, TPS, 1, byte, USD, core)."""

    name: str
    kind: Kind
    factor: float


NONE = Unit("", Kind.NUMBER, 1.0)
COUNT = Unit("", Kind.COUNT, 1.0)
FLAG = Unit("", Kind.FLAG, 1.0)
MILLISECONDS = Unit("ms", Kind.TIME, 1e-3)
SECONDS = Unit("s", Kind.TIME, 1.0)
MICROSECONDS = Unit("µs", Kind.TIME, 1e-6)
TPS = Unit("TPS", Kind.RATE, 1.0)
SHARE = Unit("", Kind.SHARE, 1.0)
BYTES = Unit("B", Kind.BYTES, 1.0)
USD = Unit("USD", Kind.MONEY, 1.0)
CORES = Unit("cores", Kind.CORES, 1.0)

WRITTEN: dict[str, Unit] = {
    "ns": Unit("ns", Kind.TIME, 1e-9),
    "us": MICROSECONDS,
    "µs": MICROSECONDS,
    "ms": MILLISECONDS,
    "s": SECONDS,
    "min": Unit("min", Kind.TIME, 60.0),
    "h": Unit("h", Kind.TIME, 3600.0),
    "tps": TPS,
    "%": Unit("%", Kind.SHARE, 0.01),
    "b": BYTES,
    "kb": Unit("KB", Kind.BYTES, 1e3),
    "mb": Unit("MB", Kind.BYTES, 1e6),
    "gb": Unit("GB", Kind.BYTES, 1e9),
    "kib": Unit("KiB", Kind.BYTES, 2.0**10),
    "mib": Unit("MiB", Kind.BYTES, 2.0**20),
    "gib": Unit("GiB", Kind.BYTES, 2.0**30),
    "usd": USD,
    "core": CORES,
    "cores": CORES,
}
"""Units by the word that a criterion writes after a number, in lower case."""


def units_of(kind: Kind) -> list[str]:
    """The words that mean a unit of this kind."""
    return [word for word, unit in WRITTEN.items() if unit.kind is kind]


def show(value: float | bool | None, unit: Unit) -> str:
    """A figure as people read it: ``812 ms``, ``0.034 %``, ``15,000,000``."""
    if value is None:
        return "not measured"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit.kind is Kind.SHARE:
        return f"{value * unit.factor * 100:.4g} %"
    if unit.kind is Kind.COUNT or (float(value).is_integer() and abs(value) < 1e15):
        text = f"{value:,.0f}"
    else:
        text = f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{text} {unit.name}".rstrip()
