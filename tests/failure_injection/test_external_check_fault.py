"""Faults of external checks against the real stand-ins: in force, leased, healed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.fraud_platform.check_services.services import RunningChecks, running_checks

from squall.errors import ConfigurationError, TargetProtocolError, TargetUnreachable
from squall.failure_injection import make_fault
from squall.failure_injection.external_check_fault import ChecksDisturbance
from squall.models import ExternalCheckFault
from squall.targets.installation import Installation


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningChecks]:
    with running_checks(tmp_path_factory.mktemp("checks"), "--seed=3") as running:
        yield running


def spec_of(**fields: Any) -> ExternalCheckFault:
    known = {"name": "broken", "during": "hold", "type": "external_checks"}
    return ExternalCheckFault.model_validate({**known, **fields})


def in_force(checks: RunningChecks, service: str) -> list[dict[str, Any]]:
    faults: list[dict[str, Any]] = checks.get(f"{service}/_control")["faults"]
    return faults


@pytest.mark.parametrize(
    ("fields", "services", "shown", "what"),
    [
        (
            {"services": ["geolocation"], "kind": "errors", "share": 0.3},
            ["geolocation"],
            {"kind": "errors", "share": 0.3},
            "errors on 30% of the answers of geolocation",
        ),
        (
            {"services": ["identity", "fraud_database"], "kind": "latency", "add_ms": 6000},
            ["identity", "fraud-database"],
            {"kind": "latency", "add_ms": 6000.0},
            "6000 ms added to every answer of identity and fraud database",
        ),
        (
            {"services": ["identity"], "kind": "rate_limit", "rate_tps": 5},
            ["identity"],
            {"kind": "rate_limit", "rate_tps": 5.0},
            "a limit of 5 a second of identity",
        ),
        (
            {"services": ["identity", "fraud_database", "geolocation"], "kind": "outage"},
            ["identity", "fraud-database", "geolocation"],
            {"kind": "outage"},
            "an outage of identity, fraud database and geolocation",
        ),
    ],
)
async def test_a_fault_is_put_in_force_renewed_and_ended_everywhere(
    checks: RunningChecks,
    fields: dict[str, Any],
    services: list[str],
    shown: dict[str, Any],
    what: str,
) -> None:
    fault = make_fault(spec_of(**fields), Installation(checks_url=checks.url))
    assert fault.what == what
    await fault.begin(15.0)
    for service in services:
        (found,) = in_force(checks, service)
        assert {key: found[key] for key in shown} == shown
        assert 10.0 < found["left_s"] <= 15.0
    await fault.renew(100.0)
    assert all(in_force(checks, service)[0]["left_s"] > 90.0 for service in services)
    await fault.end()
    await fault.end()
    await fault.close()
    assert [in_force(checks, service) for service in services] == [[]] * len(services)


async def test_a_fault_heals_when_its_lease_runs_out(checks: RunningChecks) -> None:
    fault = make_fault(
        spec_of(services=["geolocation"], kind="errors", share=1.0),
        Installation(checks_url=checks.url),
    )
    await fault.begin(0.3)
    deadline_s = time.monotonic() + 20.0
    while in_force(checks, "geolocation"):
        assert time.monotonic() < deadline_s, "a lease must end by itself"
    with pytest.raises(TargetProtocolError, match="404"):
        await fault.renew(10.0)
    await fault.end()  # ended already, which is what was wanted
    await fault.close()


async def test_what_cannot_be_put_in_force_everywhere_is_nowhere(checks: RunningChecks) -> None:
    fault = make_fault(
        spec_of(services=["identity", "geolocation"], kind="outage"),
        Installation(checks_url=checks.url),
    )
    full = [checks.break_it("geolocation", "latency", add_ms=0.1) for _ in range(32)]
    with pytest.raises(TargetProtocolError, match="32 faults already"):
        await fault.begin(15.0)
    assert in_force(checks, "identity") == []
    for fault_id in full:
        checks.call("DELETE", f"geolocation/_control/faults/{fault_id}")
    await fault.close()


async def test_services_that_do_not_answer_are_named(tmp_path: Path) -> None:
    fault = make_fault(
        spec_of(services=["identity"], kind="outage"),
        Installation(checks_url="http://127.0.0.1:9"),
    )
    with pytest.raises(TargetUnreachable, match=r"127\.0\.0\.1:9"):
        await fault.begin(15.0)
    await fault.close()


def test_without_external_checks_there_is_nothing_to_break() -> None:
    with pytest.raises(ConfigurationError, match="external_checks to true"):
        ChecksDisturbance(spec_of(services=["identity"], kind="outage"), Installation())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "errors"}, "kind errors takes share and no other figure"),
        ({"kind": "latency", "share": 0.5}, "kind latency takes add_ms and no other figure"),
        ({"kind": "errors", "share": 0.5, "add_ms": 3}, "takes share and no other"),
        ({"kind": "outage", "rate_tps": 3}, "kind outage takes no figure"),
    ],
)
def test_every_kind_takes_its_own_figure(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(services=["identity"], **fields)
