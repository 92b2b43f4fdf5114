"""The scenario ``reasoning`` as a user runs it, shortened: a quota, a queue, explanations."""

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
PHASES = {"calm": (200, 3), "rush": (900, 3), "settle": (100, 3), "after": (100, 2)}
"""Rate and seconds."""


def shortened(folder: Path) -> Path:
    """The scenario as it comes with squall, with less load and a quota to match."""
    catalogue = resources.files("squall.scenarios") / "catalogue" / "reasoning.yaml"
    scenario = yaml.safe_load(catalogue.read_text("utf-8"))
    left = dict(PHASES)
    for part in scenario["load"]["parts"]:
        part["rate_tps"], part["duration_s"] = left.pop(part["name"])
    assert not left
    scenario["platform"]["twin_limits"]["bedrock-runtime"]["requests_per_minute"] = 900
    path = folder / "reasoning.yaml"
    path.write_text(yaml.safe_dump(scenario), "utf-8")
    return path


def test_a_quota_is_met_with_a_queue_and_every_decision_is_explained(tmp_path: Path) -> None:
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
    assert accounting["planned"] == sum(accounting[end] for end in ends) > 3_500
    assert (accounting["lost"], accounting["duplicated"], accounting["unexpected"]) == (0, 0, 0)
    assert accounting["reconciled"] is True

    figures: dict[str, float] = result["dashboard"]
    cases = figures["reasoning.cases"]
    sources = {name: figures[f"reasoning.by_source.{name}"] for name in ("model", "cache")}
    fallbacks = figures["reasoning.by_source.fallback"]
    assert cases == sum(sources.values()) + fallbacks > 100
    reasons = {k: v for k, v in figures.items() if k.startswith("reasoning.fallbacks.")}
    assert sum(reasons.values()) == fallbacks
    assert {name.rpartition(".")[2] for name, count in reasons.items() if count} <= {
        "deadline", "throttled",
    }  # fmt: skip
    assert sources["model"] > 0
    assert figures["reasoning.cases_at_once_max"] >= 20
    assert figures["reasoning.throttles"] > 0
    assert 0 < figures["reasoning.requeued"] <= figures["reasoning.throttles"]
    assert figures["reasoning.retries"] > 0
    assert figures["reasoning.quota.cuts"] > 0
    assert figures["reasoning.throttles"] < figures["reasoning.calls"]
    assert figures["reasoning.answered_latency_ms.mean"] > 300
    assert figures["reasoning.confidence.ratio_max"] <= 1.05

    probes = {probe["name"]: probe for probe in result["probes"]}
    assert [probe["problem"] for probe in probes.values()] == ["", ""]
    explained = probes["explanations"]["figures"]
    assert explained["explanations"] > 3_000
    assert explained["incomplete"] == explained["unreadable"] == 0, probes["explanations"]["notes"]
    assert explained["reading_ease_mean"] > 50
    confidence = probes["confidence"]["figures"]
    assert confidence["decisions"] == explained["explanations"]
    assert confidence["windows"] >= 2
    assert 0 < confidence["drift_share_max"] < 1
    assert "bedrock" in {item["service"] for item in result["business"]["cost"]["items"]}
    services = result["services"]
    assert services["bedrock"]["throttled_share"] > 0
    assert services["bedrock"]["output_tokens"] > 0
    assert services["s3"]["puts"] > 0
    assert "A quota of Bedrock was reached" in {one["title"] for one in result["findings"]}
