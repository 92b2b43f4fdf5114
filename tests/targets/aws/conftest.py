"""A running twin and credentials for targets that use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cloud_twin.conftest import RunningTwin, start_twin, stop_twin


@pytest.fixture(scope="session")
def aws_twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTwin]:
    """One twin for all tests of this directory."""
    twin = start_twin(tmp_path_factory.mktemp("aws-twin"))
    yield twin
    stop_twin(twin)


@pytest.fixture
def twin(aws_twin: RunningTwin, monkeypatch: pytest.MonkeyPatch) -> RunningTwin:
    """The twin with nothing in it, found through the environment as any AWS tool would."""
    aws_twin.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_twin.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return aws_twin


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing about AWS in environment or home directory."""
    import os

    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    nowhere = tmp_path_factory.mktemp("home") / "nothing"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
