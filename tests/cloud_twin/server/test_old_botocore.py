"""The same error answers as an older botocore reads them, which retries by other rules.

It is installed into ``.venv-foreign`` when it is first needed.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.cloud_twin.conftest import RunningTwin
from tests.cloud_twin.server.test_error_shapes import CALLS, SHAPES
from tests.targets.foreign import environment

SCRIPT = Path(__file__).with_name("classify_with_old_botocore.py")
NOT_IN_LEGACY = {
    "RequestLimitExceeded",  # only the standard mode knows it
    "RequestThrottled",  # legacy mode looks for it at status 403, as the query protocol has it
}
"""Throttles that the old default, legacy mode, does not repeat; on AWS it does not either."""

NOT_MODELLED = {"ModelNotReadyException": "no"}
"""What its service model does not call retryable yet, so that its standard mode gives up."""


@pytest.fixture(scope="module")
def told(running_twin: RunningTwin) -> dict[str, Any]:
    """What the older botocore makes of every shape."""
    running_twin.reset()
    calls = [
        {
            "service": service,
            "operation": operation,
            "parameters": _plain(CALLS[service, operation]),
            "code": code,
        }
        for service, operation, code, _, _ in SHAPES
    ]
    done = subprocess.run(
        [str(environment("botocore") / "python"), "-I", str(SCRIPT)],
        input=json.dumps({"url": running_twin.url, "calls": calls}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    """Botocore takes text for bytes."""
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in parameters.items()}


def test_it_is_an_older_one(told: dict[str, Any]) -> None:
    assert told["version"].startswith("1.34.")
    assert told["default_mode"] == "legacy"


@pytest.mark.parametrize(
    ("place", "code", "status", "kind"),
    [(place, *row[2:]) for place, row in enumerate(SHAPES)],
    ids=[f"{row[0]}-{row[2]}" for row in SHAPES],
)
def test_errors_are_classified_as_on_aws(
    told: dict[str, Any], place: int, code: str, status: int, kind: str
) -> None:
    found = told["told"][place]
    read = (found["code"], found["status"], found["kind"])
    assert read == (code, status, NOT_MODELLED.get(code, kind))
    repeated = kind != "no" and code not in NOT_IN_LEGACY
    assert found["legacy_attempts"] == (2 if repeated else 1)
