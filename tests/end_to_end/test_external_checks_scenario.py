"""The scenario ``external_checks`` as a user runs it, shortened: faults that heal, decisions."""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

SQUALL = [sys.executable, "-m", "squall.cli.main"]
RUN_S = 300
ENDS = {0, 1, 3}
"""Passed, or on a crowded machine: a criterion of speed was missed, or the generator was late."""
SERVICES = ("identity", "fraud_database", "geolocation")
DURATIONS_S = {
    "warm": 3, "geolocation_fails": 3, "identity_slow": 8, "all_down": 3, "recovery": 2,
}  # fmt: skip
"""A slow answer is given up after 5 s, so the phase of slow answers is longer than that."""


def shortened(folder: Path) -> Path:
    """The scenario as it comes with squall, in less time."""
    catalogue = resources.files("squall.scenarios") / "catalogue" / "external_checks.yaml"
    scenario = yaml.safe_load(catalogue.read_text("utf-8"))
    left = dict(DURATIONS_S)
    for part in scenario["load"]["parts"]:
        part["duration_s"] = left.pop(part["name"])
        part["rate_tps"] = 300
    assert not left
    path = folder / "external_checks.yaml"
    path.write_text(yaml.safe_dump(scenario), "utf-8")
    return path


def test_decisions_go_on_whatever_the_services_do(tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    command = [*SQUALL, "run", str(shortened(tmp_path)), "--json", str(output)]
    command += ["--store", str(tmp_path / "runs.db"), "--no-report", "--no-color"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_S, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode in ENDS, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(output.read_text())
    accounting = result["accounting"]
    ends = ("accepted", "rejected", "indeterminate", "not_sent")
    assert accounting["planned"] == sum(accounting[end] for end in ends) > 4_500
    assert (accounting["lost"], accounting["duplicated"], accounting["unexpected"]) == (0, 0, 0)
    assert accounting["reconciled"] is True
    assert result["detection"]["recall"] > 0.5

    faults = {fault["name"]: fault for fault in result["faults"]}
    assert list(faults) == ["geolocation_errors", "identity_latency", "outage"]
    for fault in faults.values():
        assert fault["problem"] == ""
        assert 0 < fault["began_s"] < fault["ended_s"]
    assert faults["geolocation_errors"]["what"] == "errors on 30% of the answers of geolocation"

    figures: dict[str, float] = result["dashboard"]

    def of(service: str, figure: str) -> float:
        return figures[f"external.{service}.{figure}"]

    for service in SERVICES:
        without = [v for k, v in figures.items() if k.startswith(f"external.{service}.without_")]
        assert of(service, "wanted") > 50
        assert of(service, "hits") > 0
        assert of(service, "fallbacks") == sum(without)
        assert 0 < of(service, "saved_share") < 1
        assert of(service, "breaker.openings") >= 1
    assert of("geolocation", "failures") > 0
    assert of("identity", "slow") >= 3
    assert of("identity", "breaker.openings_slow") >= 1
    assert of("fraud_database", "slow") == of("geolocation", "slow") == 0
