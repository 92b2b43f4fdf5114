"""``fraud-platform checks`` as a process, for tests."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PATIENCE_S = 30.0
NAMES = ("identity", "fraud-database", "geolocation")


@dataclass
class RunningChecks:
    process: subprocess.Popen[bytes]
    url: str

    def call(self, method: str, path: str, document: object = None) -> tuple[int, Any]:
        """Status and JSON."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}/{path}", body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def get(self, path: str) -> Any:
        status, document = self.call("GET", path)
        assert status == 200, document
        return document

    def break_it(self, service: str, kind: str, lease_s: float = 60.0, **figures: float) -> str:
        """Begin a fault; its id."""
        document = {"kind": kind, "lease_s": lease_s, **figures}
        status, fault = self.call("POST", f"{service}/_control/faults", document)
        assert status == 201, fault
        return str(fault["id"])

    def mend(self) -> None:
        """No faults, and no limits or latencies that a test would notice."""
        for name in NAMES:
            for fault in self.get(f"{name}/_control")["faults"]:
                self.call("DELETE", f"{name}/_control/faults/{fault['id']}")
            settings = {"rate_tps": 100_000, "latency_ms_median": 0.1, "latency_ms_p95": 0.2}
            assert self.call("PATCH", f"{name}/_control/settings", settings)[0] == 200


@contextmanager
def running_checks(folder: Path, *options: str) -> Iterator[RunningChecks]:
    ready = folder / "ready.json"
    log = folder / "log.txt"
    command = [sys.executable, "-m", "fraud_platform", "checks", "--port=0"]
    command += [f"--ready-file={ready}", *options]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        deadline_s = time.monotonic() + _PATIENCE_S
        while not ready.exists():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline_s, "not ready in time: " + log.read_text()
            time.sleep(0.02)
        yield RunningChecks(process, f"http://127.0.0.1:{json.loads(ready.read_text())['port']}")
    finally:
        process.terminate()
        assert process.wait(_PATIENCE_S) == 0, log.read_text()
