from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fraud_platform.stream.stream_platform import StreamPlatform

from fraud_platform.learning.model import LearnedModel

_PATIENCE_S = 60.0


@pytest.fixture(scope="session")
def twin_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A loopback AWS of these tests' own."""
    folder = tmp_path_factory.mktemp("twin")
    ready = folder / "ready.json"
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cloud_twin.main", "--port=0", f"--ready-file={ready}"],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _PATIENCE_S
    while not ready.exists():
        assert process.poll() is None, (folder / "log.txt").read_text()
        assert time.monotonic() < deadline, "the twin is not ready in time"
        time.sleep(0.02)
    yield json.loads(ready.read_text())["url"]
    process.terminate()
    process.wait(_PATIENCE_S)


@pytest.fixture(scope="session", autouse=True)
def aws_settings() -> Iterator[None]:
    """What every AWS tool wants to be told; a twin takes any credentials."""
    wanted = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    before = {name: os.environ.get(name) for name in (*wanted, "AWS_ENDPOINT_URL")}
    os.environ.update(wanted)
    os.environ.pop("AWS_ENDPOINT_URL", None)
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def platform(
    twin_url: str,
    model: LearnedModel,
    model_dir: Path,
    history_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StreamPlatform]:
    """A platform in stream mode, shared by the tests: each has a run tag of its own."""
    assert model.points
    folder = tmp_path_factory.mktemp("stream")
    made = StreamPlatform(folder, model_dir, history_file, twin_url)
    yield made
    made.stop()
