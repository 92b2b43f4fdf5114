"""How a service treats its callers: its pace, its limit, its faults.

A fault is leased: it ends by itself when its lease runs out, so that nothing stays broken because
whoever broke it has died.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from fraud_platform.remote.pace import Bucket

LEASE_S_MAX = 3_600.0
FAULTS_LIMIT = 32
KINDS = {
    "errors": "share",
    "latency": "add_ms",
    "rate_limit": "rate_tps",
    "outage": None,
}
"""Kinds of faults, each with the one figure it takes."""
_P95 = 1.6448536269514722  # standard deviations of a normal distribution


class SettingError(Exception):
    """A setting or a fault that is not possible; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The service as it is when nothing is wrong. Latency is log-normal."""

    latency_ms_median: float
    latency_ms_p95: float
    rate_tps: float
    """Answers a second; half a second's worth at once. Beyond it: 429."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise SettingError(f"{name}: must be a number")
            if not (0 < value < 1e6):
                raise SettingError(f"{name}: must be above 0 and below 1000000")
        if self.latency_ms_p95 < self.latency_ms_median:
            raise SettingError("latency_ms_p95: must not be below latency_ms_median")

    def latency_s(self, generator: random.Random) -> float:
        """One latency."""
        sigma = math.log(self.latency_ms_p95 / self.latency_ms_median) / _P95
        return self.latency_ms_median / 1000.0 * math.exp(sigma * generator.gauss(0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong until ``until_s``."""

    id: str
    kind: str
    value: float
    until_s: float

    def document(self, now_s: float) -> dict[str, Any]:
        """As plain values."""
        figure = KINDS[self.kind]
        document: dict[str, Any] = {"id": self.id, "kind": self.kind}
        if figure is not None:
            document[figure] = self.value
        return {**document, "left_s": round(self.until_s - now_s, 3)}


class Behaviour:
    """Settings and faults in force; told the time by its callers."""

    def __init__(self, settings: Settings, now_s: float) -> None:
        self.settings = settings
        self._faults: dict[str, Fault] = {}
        self._numbers = count(1)
        self._rate_tps = settings.rate_tps
        self._bucket = _bucket(settings.rate_tps, now_s)

    def change(self, changes: Mapping[str, Any], now_s: float) -> None:
        """Change settings. Raises ``SettingError``."""
        unknown = set(changes) - set(Settings.__slots__)
        if unknown or not changes:
            names = ", ".join(sorted(unknown)) or "nothing given"
            raise SettingError(f"{names}: settings are {', '.join(Settings.__slots__)}")
        self.settings = replace(self.settings, **changes)
        self._follow_rate(now_s)

    def add(self, document: Mapping[str, Any], now_s: float) -> Fault:
        """Begin a fault. Raises ``SettingError``."""
        kind = document.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise SettingError(f"kind: must be one of {', '.join(KINDS)}")
        figure = KINDS[kind]
        known = {"kind", "lease_s"} | ({figure} if figure else set())
        if unknown := set(document) - known:
            raise SettingError(f"{', '.join(sorted(unknown))}: {kind} takes {', '.join(known)}")
        value = 0.0 if figure is None else _number(document, figure)
        if figure is not None and not 0 < value <= (1.0 if figure == "share" else 1e6):
            raise SettingError(f"{figure}: out of range")
        lease_s = _lease_s(document)
        self._expire(now_s)
        if len(self._faults) >= FAULTS_LIMIT:
            raise SettingError(f"there are {FAULTS_LIMIT} faults already; end one first")
        fault = Fault(f"f{next(self._numbers)}", kind, value, now_s + lease_s)
        self._faults[fault.id] = fault
        self._follow_rate(now_s)
        return fault

    def renew(self, fault_id: str, document: Mapping[str, Any], now_s: float) -> Fault | None:
        """Let a fault last ``lease_s`` from now; None where it has ended."""
        lease_s = _lease_s(document)
        self._expire(now_s)
        fault = self._faults.get(fault_id)
        if fault is None:
            return None
        self._faults[fault_id] = replace(fault, until_s=now_s + lease_s)
        return self._faults[fault_id]

    def end(self, fault_id: str, now_s: float) -> bool:
        """End a fault now; False where there is none."""
        ended = self._faults.pop(fault_id, None) is not None
        self._follow_rate(now_s)
        return ended

    def faults(self, now_s: float) -> list[Fault]:
        """Faults in force."""
        self._expire(now_s)
        return list(self._faults.values())

    def retry_after_s(self, now_s: float) -> float:
        """0: within the rate. Else the seconds after which there is room again."""
        self._expire(now_s)
        wait_s = self._bucket.wait_s(1.0, now_s)
        if wait_s <= 0:
            self._bucket.take(1.0, now_s)
        return wait_s

    def in_outage(self, now_s: float) -> bool:
        """Whether nothing is answered at all."""
        return any(fault.kind == "outage" for fault in self.faults(now_s))

    def error_share(self, now_s: float) -> float:
        """Share of requests answered with an error: 1 − Π(1 − share) over the faults."""
        well = 1.0
        for fault in self.faults(now_s):
            if fault.kind == "errors":
                well *= 1.0 - fault.value
        return 1.0 - well

    def latency_s(self, now_s: float, generator: random.Random) -> float:
        """How long one answer takes."""
        added_ms = sum(fault.value for fault in self.faults(now_s) if fault.kind == "latency")
        return self.settings.latency_s(generator) + added_ms / 1000.0

    def _expire(self, now_s: float) -> None:
        ended = [fault.id for fault in self._faults.values() if fault.until_s <= now_s]
        for fault_id in ended:
            del self._faults[fault_id]
        if ended:
            self._follow_rate(now_s)

    def _follow_rate(self, now_s: float) -> None:
        limits = [f.value for f in self._faults.values() if f.kind == "rate_limit"]
        rate_tps = min([self.settings.rate_tps, *limits])
        if rate_tps != self._rate_tps:
            self._rate_tps = rate_tps
            self._bucket = _bucket(rate_tps, now_s)


def _bucket(rate_tps: float, now_s: float) -> Bucket:
    return Bucket(rate_tps, max(1.0, rate_tps / 2.0), now_s)


def _number(document: Mapping[str, Any], name: str) -> float:
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingError(f"{name}: must be a number")
    return float(value)


def _lease_s(document: Mapping[str, Any]) -> float:
    lease_s = _number(document, "lease_s")
    if not 0 < lease_s <= LEASE_S_MAX:
        raise SettingError(f"lease_s: must be above 0 and at most {LEASE_S_MAX:g}")
    return lease_s
