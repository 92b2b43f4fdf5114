"""A twin, the platform in stream mode on it, and squall's load on both ways in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.cloud_twin.conftest import RunningTwin
from tests.fraud_platform.stream.stream_platform import StreamPlatform

from fraud_platform.stream.dead_letters import DeadLetterQueue

SQUALL = [sys.executable, "-m", "squall.cli.main"]
DRAIN_S = 120
START_S = 60
RUN_S = 240
GENERATOR_LIMITED = 3
"""An honest end on a crowded machine; the accounting holds all the same."""
_KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
}
_GATEWAY_TARGET = """
name: gateway
url: {url}
request: {{path: "/v1/transactions?wait=25"}}
answer:
  accepted_statuses: [200, 202]
  id: transaction_id
  decision: decision
  decisions: {{approve: [APPROVE], review: [REVIEW], decline: [DECLINE]}}
  score: risk_score
seen:
  path: /v1/decisions?run=${{run_tag}}&cursor=${{cursor}}&limit=20000
  items: items
  id: transaction_id
  amount: amount
  next_cursor: next_cursor
agents: /v1/agents
health: /health
"""


def wait_for(what: str, condition: Callable[[], Any], deadline_s: float) -> Any:
    """The first true value of ``condition``; fails after the deadline."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {deadline_s:g} s")


@dataclass
class Load:
    """A ``squall run`` that goes on while a test breaks things."""

    process: subprocess.Popen[str]
    output: Path

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def result(self) -> dict[str, Any]:
        """The result, when the run has ended by itself."""
        text, _ = self.process.communicate(timeout=RUN_S)
        assert "Traceback" not in text, text
        assert self.process.returncode in (0, GENERATOR_LIMITED), text
        result: dict[str, Any] = json.loads(self.output.read_text())
        return result

    def end(self) -> None:
        """Harmless when it has ended."""
        if self.running:
            self.process.kill()
        self.process.communicate()


class StreamRig:
    """What a test of this directory works with; ``close`` ends it."""

    def __init__(self, folder: Path, twin: RunningTwin, platform: StreamPlatform) -> None:
        self.twin = twin
        self.platform = platform
        self._folder = folder
        self._loads: list[Load] = []

    def load_stream(self, rate_tps: float, duration_s: float) -> Load:
        """Onto the stream, one transaction a record; decisions from stream and table."""
        names = self.platform.names
        target = (
            f"kinesis://{names.transactions}?decisions=kinesis://{names.decisions}"
            f"&table=dynamodb://{names.decision_table}&region=us-east-1"
            f"&endpoint_url={self.twin.url}"
            f"&agents=http://127.0.0.1:{self.platform.port}/v1/agents"
        )
        return self._run("stream", target, rate_tps, duration_s)

    def load_gateway(self, rate_tps: float, duration_s: float) -> Load:
        """Through the gateway, waiting for every decision; records from its log."""
        path = self._folder / "gateway.yaml"
        path.write_text(_GATEWAY_TARGET.format(url=f"http://127.0.0.1:{self.platform.port}"))
        return self._run("gateway", str(path), rate_tps, duration_s)

    def until_decided(self, loads: Sequence[Load], decisions: int) -> None:
        """Wait until so many transactions have been decided; the loads must be running."""

        def decided() -> bool:
            for load in loads:
                assert load.running, load.result()
            return bool(self.dashboard()["coordinator"]["decisions"] >= decisions)

        wait_for("a decision", decided, START_S)

    def dashboard(self) -> dict[str, Any]:
        """``GET /v1/agents`` of the gateway."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.platform.port}/v1/agents", timeout=30
        ) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def audit(self) -> dict[str, Any]:
        """A verified audit trail; the newest figures may still be on their way to the board."""

        def whole() -> dict[str, Any] | None:
            report: dict[str, Any] = self.platform.command("audit", "verify")
            return report if report["whole"] else None

        found: dict[str, Any] = wait_for("a whole audit trail", whole, 20)
        return found

    def given_up(self) -> list[dict[str, Any]]:
        """Batches in the dead letters; edge cases of the load leave letters of their own."""
        queue = DeadLetterQueue(self.platform.session, self.platform.names)
        letters = [json.loads(message["Body"]) for message in queue.messages(1_000)]
        return [letter for letter in letters if "KinesisBatchInfo" in letter]

    def close(self) -> None:
        for load in self._loads:
            load.end()
        self.platform.stop()

    def _run(self, name: str, target: str, rate_tps: float, duration_s: float) -> Load:
        folder = self._folder / f"{name}-{len(self._loads)}"
        folder.mkdir()
        scenario = folder / "scenario.yaml"
        scenario.write_text(yaml.safe_dump(_scenario(rate_tps, duration_s)))
        command = [*SQUALL, "run", str(scenario), "--target", target, "--json", "r.json"]
        command += ["--no-report", "--no-store", "--no-color", "--workers", "1"]
        command += ["--seed", str(100 + len(self._loads))]
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **_KEYS},
        )
        load = Load(process, folder / "r.json")
        self._loads.append(load)
        return load


def _scenario(rate_tps: float, duration_s: float) -> dict[str, Any]:
    return {
        "name": "broken_while_it_runs",
        "title": "Broken while it runs",
        "why": "To see that nothing is lost or decided twice.",
        "load": {"type": "sustained", "rate_tps": rate_tps, "duration_s": duration_s},
        "client": {
            "connections": 256,
            "timeout_s": 30.0,
            "retry": {"max_attempts": 20, "base_ms": 50, "max_ms": 2000},
        },
        "drain_s": DRAIN_S,
        "criteria": ["accounting.balanced"],
    }


def decided_once(result: dict[str, Any]) -> None:
    """Everything that was accepted has one decision, by squall's account."""
    accounting = result["accounting"]
    ends = ("accepted", "rejected", "indeterminate", "not_sent")
    assert accounting["planned"] == sum(accounting[end] for end in ends)
    found = (accounting["lost"], accounting["duplicated"], accounting["unexpected"])
    assert found == (0, 0, 0), accounting
    assert accounting["reconciled"] is True
    assert accounting["amount_difference_minor"] == 0
