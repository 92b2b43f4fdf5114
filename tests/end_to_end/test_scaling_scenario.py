"""The scenario ``scaling`` as a user runs it, shortened: it grows under load and loses nothing."""

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
DURATIONS_S = {"lead": 2, "rise": 4, "high": 16, "scaled": 4, "settle": 2}
"""The platform looks every five seconds; what it does takes effect at the next look."""


def shortened(folder: Path) -> Path:
    """The scenario as it comes with squall, in less time."""
    left = dict(DURATIONS_S)
    catalogue = resources.files("squall.scenarios") / "catalogue" / "scaling.yaml"
    scenario = yaml.safe_load(catalogue.read_text("utf-8"))
    for part in scenario["load"]["parts"]:
        part["duration_s"] = left.pop(part["name"])
    assert not left
    path = folder / "scaling.yaml"
    path.write_text(yaml.safe_dump(scenario), "utf-8")
    return path


def test_a_load_beyond_80_percent_is_answered_with_shards_while_it_lasts(tmp_path: Path) -> None:
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
    assert accounting["planned"] == sum(accounting[end] for end in ends) > 25_000
    assert (accounting["lost"], accounting["duplicated"], accounting["unexpected"]) == (0, 0, 0)
    assert accounting["reconciled"] is True

    figures: dict[str, float] = result["dashboard"]
    assert figures["increase.autoscaler.changes"] >= 1
    assert 0 <= figures["autoscaler.reaction_s_max"] < 60
    assert 0 <= figures["autoscaler.over_80_share_s_max"] < 60
    judged = {one["expression"]: one["passed"] for one in result["criteria"]}
    for criterion, passed in judged.items():
        if "autoscaler" in criterion:
            assert passed is True, criterion
    assert None not in judged.values()
