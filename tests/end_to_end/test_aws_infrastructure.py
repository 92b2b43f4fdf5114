"""The scenario ``aws_infrastructure``, much shortened: its probes, its faults, its accounts."""

import json
import subprocess
import sys
from typing import Any

import pytest

SQUALL = [sys.executable, "-m", "squall.cli.main"]
RUN_S = 400
ENDS_OF_A_CROWDED_MACHINE = {0, 1, 3}
"""So short a run misses criteria, on a crowded machine more of them; the accounts hold."""
RATE, TIME = 0.05, 0.015
FULL_S, QUOTA_S = 600 * TIME, 120 * TIME


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("aws_infrastructure")
    output = folder / "result.json"
    command = [*SQUALL, "run", "aws_infrastructure", "--json", str(output), "--no-color"]
    command += ["--rate-scale", str(RATE), "--time-scale", str(TIME)]
    command += ["--store", str(folder / "runs.db")]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_REGION"):
            patch.delenv(name, raising=False)
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=RUN_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    assert done.returncode in ENDS_OF_A_CROWDED_MACHINE, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(output.read_text())
    return found


def test_no_payment_is_lost_while_quotas_are_reached(result: dict[str, Any]) -> None:
    accounting = result["accounting"]
    ends = ("accepted", "rejected", "indeterminate", "not_sent")
    assert accounting["planned"] == sum(accounting[end] for end in ends) == 1_350
    assert (accounting["lost"], accounting["duplicated"], accounting["unexpected"]) == (0, 0, 0)
    assert accounting["reconciled"] is True


def test_every_probe_has_measured_what_it_was_scaled_to(result: dict[str, Any]) -> None:
    probes = {probe["name"]: probe for probe in result["probes"]}
    assert set(probes) == {"records", "table", "functions", "audit", "small_table"}
    for probe in probes.values():
        assert probe["problem"] == ""
        assert None not in probe["figures"].values(), probe
        assert probe["latency_ms"]["count"] > 0
    figures = {name: probe["figures"] for name, probe in probes.items()}
    assert figures["records"]["records"] == pytest.approx(10_000 * RATE * FULL_S)
    assert figures["records"]["missing"] == 0
    assert figures["table"]["operations"] == pytest.approx(5_000 * RATE * FULL_S)
    assert figures["table"]["failed_share"] == 0
    assert figures["functions"]["planned_concurrency"] == 1_000 * RATE
    assert figures["records"]["window_s"] == pytest.approx(FULL_S)
    assert figures["functions"]["concurrency_max"] > 0
    assert figures["functions"]["timeouts"] == 0
    assert 0 < figures["functions"]["cold_start_share"] < 1
    assert figures["audit"]["writes"] == pytest.approx(500 * RATE * FULL_S)
    assert figures["audit"]["missing"] == 0
    assert figures["small_table"]["operations"] == pytest.approx(1_000 * RATE * QUOTA_S)
    assert figures["small_table"]["failed_share"] == 0


def test_the_faults_were_in_force_in_their_phase(result: dict[str, Any]) -> None:
    faults = {fault["name"]: fault for fault in result["faults"]}
    assert set(faults) == {"table_quota", "stream_quota"}
    [quota] = [phase for phase in result["phases"] if phase["name"] == "quota"]
    for fault in faults.values():
        assert (fault["type"], fault["during"], fault["problem"]) == ("aws", "quota", "")
        assert quota["start_s"] <= fault["began_s"] < fault["ended_s"]


def test_what_was_throttled_is_said(result: dict[str, Any]) -> None:
    services = result["services"]
    assert services["dynamodb"]["throttled_share"] > 0
    assert services["kinesis"]["write_throttled_share"] > 0
    assert result["dashboard"]["increase.stream.put.given_up"] == 0
