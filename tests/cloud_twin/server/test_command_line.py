"""The AWS command line against the twin, led there by the environment alone, as docs/twin.md says.

It is installed into ``.venv-foreign`` when it is first needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cloud_twin.conftest import RunningTwin
from tests.targets.foreign import environment

Aws = Callable[..., Any]


@pytest.fixture
def aws(twin: RunningTwin, tmp_path: Path) -> Aws:
    """Run one command: what it says, read where it is JSON; of a refused one the error."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTHON"))}
    settings = {
        "AWS_ENDPOINT_URL": twin.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "twin",
        "AWS_SECRET_ACCESS_KEY": "twin",
        "HOME": str(tmp_path),  # no settings of this machine's user
    }
    python = str(environment("awscli") / "python")

    def run(*arguments: str, refused: bool = False) -> Any:
        done = subprocess.run(
            [python, "-I", "-m", "awscli", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=kept | settings,
            cwd=tmp_path,
        )
        assert (done.returncode != 0) == refused, done.stderr
        if refused:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout

    return run


def test_kinesis(aws: Aws) -> None:
    aws("kinesis", "create-stream", "--stream-name", "payments", "--shard-count", "4")
    told = aws("kinesis", "describe-stream-summary", "--stream-name", "payments")
    assert told["StreamDescriptionSummary"]["OpenShardCount"] == 4
    failure = aws("kinesis", "describe-stream-summary", "--stream-name", "none", refused=True)
    assert "(ResourceNotFoundException)" in failure


def test_dynamodb(aws: Aws) -> None:
    aws(
        "dynamodb", "create-table", "--table-name", "decisions",
        "--billing-mode", "PAY_PER_REQUEST",
        "--attribute-definitions", "AttributeName=id,AttributeType=S",
        "--key-schema", "AttributeName=id,KeyType=HASH",
    )  # fmt: skip
    aws("dynamodb", "wait", "table-exists", "--table-name", "decisions")
    item = {"id": {"S": "1"}, "score": {"N": "0.5"}}
    aws("dynamodb", "put-item", "--table-name", "decisions", "--item", json.dumps(item))
    key = json.dumps({"id": {"S": "1"}})
    assert aws("dynamodb", "get-item", "--table-name", "decisions", "--key", key)["Item"] == item


def test_s3(aws: Aws, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"decision\n")
    aws("s3", "mb", "s3://audit")
    aws("s3", "cp", "there", "s3://audit/2026/a")
    assert aws("s3", "ls", "s3://audit/2026/").split()[-2:] == ["9", "a"]
    aws("s3", "cp", "s3://audit/2026/a", "back")
    assert (tmp_path / "back").read_bytes() == b"decision\n"


def test_cloudwatch(aws: Aws) -> None:
    aws("cloudwatch", "put-metric-data", "--namespace", "n", "--metric-name", "m", "--value", "3")
    now = datetime.fromtimestamp(time.time(), UTC)
    metric = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    read = aws(
        "cloudwatch", "get-metric-data",
        "--metric-data-queries", json.dumps([{"Id": "m", "MetricStat": metric}]),
        "--start-time", (now - timedelta(minutes=5)).isoformat(),
        "--end-time", (now + timedelta(minutes=2)).isoformat(),
    )  # fmt: skip
    assert read["MetricDataResults"][0]["Values"] == [3.0]


def test_lambda(aws: Aws) -> None:
    assert aws("lambda", "list-functions") == {"Functions": []}


def test_what_nobody_serves_is_not_repeated(aws: Aws, twin: RunningTwin) -> None:
    failure = aws("cloudwatch", "list-metric-streams", refused=True)
    assert "(NotImplemented)" in failure
    assert "max retries" not in failure
    assert twin.control("GET", "attempts?service=cloudwatch&retried=true")["calls"] == []


def test_sqs_of_version_1_is_told_where_it_is(aws: Aws, twin: RunningTwin) -> None:
    """It does not look at ``AWS_ENDPOINT_URL`` for SQS, which docs/twin.md says."""
    made = aws("sqs", "create-queue", "--queue-name", "dead", "--endpoint-url", twin.url)
    assert made["QueueUrl"].endswith("/000000000000/dead")
