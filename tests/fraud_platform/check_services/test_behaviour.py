from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from fraud_platform.check_services.behaviour import (
    FAULTS_LIMIT,
    Behaviour,
    SettingError,
    Settings,
)

SETTINGS = Settings(latency_ms_median=20.0, latency_ms_p95=60.0, rate_tps=10.0)


def test_latency_has_the_median_and_the_p95_that_were_asked_for() -> None:
    generator = random.Random(1)
    drawn_ms = [SETTINGS.latency_s(generator) * 1000 for _ in range(20_000)]
    assert np.percentile(drawn_ms, 50) == pytest.approx(20.0, rel=0.05)
    assert np.percentile(drawn_ms, 95) == pytest.approx(60.0, rel=0.05)


def test_a_fault_ends_with_its_lease_and_can_be_renewed() -> None:
    behaviour = Behaviour(SETTINGS, 0.0)
    fault = behaviour.add({"kind": "outage", "lease_s": 5}, 0.0)
    assert behaviour.in_outage(4.9)
    renewed = behaviour.renew(fault.id, {"lease_s": 5}, 4.9)
    assert renewed is not None
    assert behaviour.in_outage(9.8)
    assert not behaviour.in_outage(9.9)
    assert behaviour.renew(fault.id, {"lease_s": 5}, 10.0) is None


def test_faults_add_up_and_end_by_hand() -> None:
    behaviour = Behaviour(SETTINGS, 0.0)
    first = behaviour.add({"kind": "errors", "share": 0.5, "lease_s": 9}, 0.0)
    behaviour.add({"kind": "errors", "share": 0.5, "lease_s": 9}, 0.0)
    assert behaviour.error_share(0.0) == 0.75
    assert behaviour.end(first.id, 0.0)
    assert behaviour.error_share(0.0) == 0.5
    assert not behaviour.end(first.id, 0.0)
    generator = random.Random(1)
    behaviour.add({"kind": "latency", "add_ms": 6000, "lease_s": 9}, 0.0)
    assert behaviour.latency_s(1.0, generator) > 6.0
    assert behaviour.latency_s(9.0, generator) < 6.0


def test_a_lower_limit_ends_with_its_lease() -> None:
    behaviour = Behaviour(SETTINGS, 0.0)
    behaviour.add({"kind": "rate_limit", "rate_tps": 1, "lease_s": 5}, 0.0)
    assert behaviour.retry_after_s(0.0) == 0.0
    assert behaviour.retry_after_s(0.0) == pytest.approx(1.0)
    assert [behaviour.retry_after_s(5.0) for _ in range(5)] == [0.0] * 5


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "fire", "lease_s": 1},
        {"kind": ["outage"], "lease_s": 1},
        {"kind": "outage"},
        {"kind": "outage", "lease_s": 0},
        {"kind": "outage", "lease_s": 1e9},
        {"kind": "outage", "lease_s": True},
        {"kind": "outage", "lease_s": 1, "share": 0.5},
        {"kind": "errors", "lease_s": 1},
        {"kind": "errors", "share": 1.5, "lease_s": 1},
        {"kind": "errors", "share": "half", "lease_s": 1},
        {"kind": "latency", "add_ms": float("nan"), "lease_s": 1},
        {"kind": "rate_limit", "rate_tps": 0, "lease_s": 1},
    ],
)
def test_an_impossible_fault_is_refused(document: dict[str, Any]) -> None:
    behaviour = Behaviour(SETTINGS, 0.0)
    with pytest.raises(SettingError):
        behaviour.add(document, 0.0)
    assert behaviour.faults(0.0) == []


def test_there_is_an_end_to_the_faults() -> None:
    behaviour = Behaviour(SETTINGS, 0.0)
    for _ in range(FAULTS_LIMIT):
        behaviour.add({"kind": "outage", "lease_s": 5}, 0.0)
    with pytest.raises(SettingError, match="end one first"):
        behaviour.add({"kind": "outage", "lease_s": 5}, 0.0)
    behaviour.add({"kind": "outage", "lease_s": 5}, 5.0)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"colour": 1},
        {"rate_tps": 0},
        {"rate_tps": "fast"},
        {"latency_ms_median": -1},
        {"latency_ms_p95": 1},
    ],
)
def test_impossible_settings_are_refused_and_change_nothing(changes: dict[str, Any]) -> None:
    behaviour = Behaviour(SETTINGS, 0.0)
    with pytest.raises(SettingError):
        behaviour.change(changes, 0.0)
    assert behaviour.settings == SETTINGS
