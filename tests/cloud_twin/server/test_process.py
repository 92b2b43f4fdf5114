"""The ``cloud-twin`` command: where it listens, what it says, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from tests.cloud_twin.conftest import RunningTwin, start_twin, stop_twin

from cloud_twin.main import main
from cloud_twin.server.serving import bind


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_it_listens_on_loopback_only(capsys: pytest.CaptureFixture[str], host: str) -> None:
    said = refused(capsys, "--host", host)
    assert "loopback addresses only; use 127.0.0.1" in said


def test_bad_options_are_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "must be an address" in refused(capsys, "--host", "twin.example")
    assert "must be 0 to 65535" in refused(capsys, "--port", "70000")


def test_a_port_in_use_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        said = refused(capsys, "--port", str(taken.getsockname()[1]))
    assert "already in use; choose another with --port" in said


def test_a_ready_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cloud_twin.main", "--port=0"]
    missing = tmp_path / "missing" / "ready.json"
    ended = subprocess.run(
        [*command, f"--ready-file={missing}"],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 2
    assert "--ready-file" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_ends_when_told(tmp_path: Path, number: signal.Signals) -> None:
    twin = start_twin(tmp_path)
    try:
        ready = json.loads((tmp_path / "ready.json").read_text())
        assert ready["pid"] == twin.process.pid
        assert ready["url"] == f"http://127.0.0.1:{ready['port']}"
        said = (tmp_path / "twin.log").read_text().splitlines()[0]
        assert json.loads(said) == ready
        with socket.create_connection(("127.0.0.1", twin.port)):  # an idle line does not hold it
            twin.process.send_signal(number)
            assert twin.process.wait(10) == 0
    finally:
        stop_twin(twin)


def test_a_call_in_progress_does_not_hold_it(tmp_path: Path) -> None:
    twin = start_twin(tmp_path)
    try:
        url = twin.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        program = (
            "import boto3, sys\n"
            "sqs = boto3.client('sqs', endpoint_url=sys.argv[1], region_name='us-east-1')\n"
            "sqs.receive_message(QueueUrl=sys.argv[2], WaitTimeSeconds=20)\n"
        )
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"}
        waiting = subprocess.Popen(
            [sys.executable, "-c", program, twin.url, url],
            env=os.environ | keys,
            stderr=subprocess.DEVNULL,
        )
        try:
            twin.fault(service="sqs", operation="ReceiveMessage", latency_ms=1)
            while not twin.control("GET", "faults")["faults"][0]["hits"]:
                assert waiting.poll() is None
            twin.process.send_signal(signal.SIGTERM)
            assert twin.process.wait(10) == 0
            assert waiting.wait(20) != 0
        finally:
            waiting.kill()
            waiting.wait()
    finally:
        stop_twin(twin)


def test_the_environment_alone_leads_boto3_there(
    twin: RunningTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", twin.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    session = boto3.Session()
    session.client("s3").create_bucket(
        Bucket="audit", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    assert [each["Name"] for each in session.client("s3").list_buckets()["Buckets"]] == ["audit"]
    table = session.client("dynamodb").create_table(
        TableName="decisions",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]
    assert table["TableArn"] == "arn:aws:dynamodb:eu-central-1:000000000000:table/decisions"
