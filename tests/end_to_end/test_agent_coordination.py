"""The scenario ``agent_coordination`` as a user runs it, shortened: faults, fallbacks, balance."""

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
DURATIONS_S = {
    "lead": 1, "together": 0.05, "drain": 1, "slow_agent": 3, "conflict": 0.5, "agent_down": 2,
    "gateway_away": 2, "uneven": 28, "recovery": 1,
}  # fmt: skip
"""Only what is uneven needs its time: it is acted on once it has lasted for ten seconds."""


def shortened(folder: Path) -> Path:
    """The scenario as it comes with squall, in less time."""
    left = dict(DURATIONS_S)
    catalogue = resources.files("squall.scenarios") / "catalogue" / "agent_coordination.yaml"
    scenario = yaml.safe_load(catalogue.read_text("utf-8"))
    for part in scenario["load"]["parts"]:
        part["duration_s"] = left.pop(part["name"])
    assert not left
    # A connection goes with its next answer: all of them come to one while the gateway is away.
    scenario["client"]["connections"] = 300
    path = folder / "agent_coordination.yaml"
    path.write_text(yaml.safe_dump(scenario), "utf-8")
    return path


def test_agents_carry_on_through_every_difficulty(tmp_path: Path) -> None:
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
    assert accounting["planned"] == sum(accounting[end] for end in ends) > 8_000
    assert accounting["indeterminate"] == accounting["not_sent"] == 0
    assert (accounting["lost"], accounting["duplicated"], accounting["unexpected"]) == (0, 0, 0)
    assert accounting["reconciled"] is True

    faults = {fault["name"]: fault for fault in result["faults"]}
    assert list(faults) == ["slow", "down", "restart"]
    for fault in faults.values():
        assert fault["problem"] == ""
        assert 0 < fault["began_s"] < fault["ended_s"]

    figures: dict[str, float] = result["dashboard"]
    decided = figures["increase.coordinator.decisions"]
    assert decided >= accounting["accepted"] - accounting["replayed"]
    for name in ("transaction_analyser", "pattern_detector", "risk_assessor", "compliance"):
        votes = [
            figures[f"increase.agents.{name}.{kind}"]
            for kind in ("decisions", "timeouts", "failures")
        ]
        assert votes[0] >= 1_000
        assert sum(votes) == decided
    assert figures["increase.agents.pattern_detector.timeouts"] >= 100
    assert figures["increase.agents.risk_assessor.failures"] >= 100
    for name in ("pattern_detector", "risk_assessor"):
        assert figures[f"increase.agents.{name}.outages"] >= 1
    assert figures["increase.coordinator.fallbacks"] >= 200
    complete = figures["increase.coordinator.complete"]
    assert complete + figures["increase.coordinator.fallbacks"] == decided
    assert complete >= 1_000
    assert figures["increase.coordinator.disagreements"] >= 100
    assert figures["coordinator.conflict_latency_ms.max"] > 0
    assert {agent["name"]: agent["healthy"] for agent in result["agents"]}["risk_assessor"]

    assert figures["balance.units"] == 2
    assert figures["balance.imbalance_share_max"] > 0.3
    assert figures["balance.connections_moved"] > 0
    assert figures["balance.rebalancings"] >= 1
