"""The whole of the AWS side as a user runs it: twin, platform on it, load, bill, verdict."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

SQUALL = [sys.executable, "-m", "squall.cli.main"]
RUN_S = 300
GENERATOR_LIMITED = 3
"""An honest end on a crowded machine; the accounting holds all the same."""


def still_running(directory: Path) -> list[str]:
    """Command lines that name a place in ``directory``."""
    lines = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(directory) in line:
            lines.append(line)
    return lines


def test_a_run_on_the_stream_loses_nothing_and_has_a_bill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    output = tmp_path / "result.json"
    command = [*SQUALL, "run", "smoke", "--target", "stream", "--json", str(output)]
    command += ["--store", str(tmp_path / "runs.db"), "--report", str(tmp_path / "report")]
    done = subprocess.run(
        [*command, "--rate-scale", "0.5", "--time-scale", "0.5", "--no-color"],
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode in {0, GENERATOR_LIMITED}, done.stdout + done.stderr
    result = json.loads(output.read_text())
    accounting = result["accounting"]
    ends = ("accepted", "rejected", "indeterminate", "not_sent")
    assert accounting["planned"] == sum(accounting[end] for end in ends) > 1_000
    assert (accounting["lost"], accounting["duplicated"], accounting["unexpected"]) == (0, 0, 0)
    assert accounting["reconciled"] is True
    without_record = accounting["replayed"] + accounting["refused_later"]
    recorded = accounting["accepted"] - without_record + accounting["recovered"]
    assert recorded == accounting["seen"]
    assert result["latency_ms"]["decision"]["count"] > 1_000
    assert result["detection"]["recall"] > 0.5
    assert {agent["healthy"] for agent in result["agents"]} == {True}
    cost = result["business"]["cost"]
    assert cost["basis"] == "the twin's meter"
    assert cost["total_usd"] == pytest.approx(sum(item["usd"] for item in cost["items"]))
    assert {"kinesis", "lambda", "dynamodb", "s3"} <= {item["service"] for item in cost["items"]}
    assert result["services"]["kinesis"]["records_in"] >= accounting["accepted"]
    assert "a transaction" in done.stdout
    assert still_running(temporary) == []
