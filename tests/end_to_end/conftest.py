from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.cloud_twin.conftest import start_twin, stop_twin
from tests.end_to_end.stream_rig import StreamRig
from tests.fraud_platform.stream.stream_platform import StreamPlatform

MakeRig = Callable[..., StreamRig]


@pytest.fixture(scope="session")
def small_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled past that is learned in a moment; what is learned is not what is tested."""
    path = tmp_path_factory.mktemp("history") / "history.parquet"
    command = [sys.executable, "-m", "squall.cli.main", "data", "generate"]
    command += ["--count=16000", "--seed=7", f"--out={path}"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return path


@pytest.fixture(scope="module")
def aws_keys() -> Iterator[None]:
    """What every AWS tool wants to be told; a twin takes any credentials."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_REGION", "us-east-1")
        yield


@pytest.fixture(scope="module")
def make_rig(
    aws_keys: None, small_history: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeRig]:
    """Starts a twin and the platform on it, with more options of ``fraud-platform serve``."""
    with ExitStack() as stack:

        def make(*options: str) -> StreamRig:
            folder = tmp_path_factory.mktemp("rig")
            twin = start_twin(folder)
            stack.callback(stop_twin, twin)
            platform = StreamPlatform(
                folder / "platform", small_history.parent, small_history, twin.url, options
            )
            rig = StreamRig(folder, twin, platform)
            stack.callback(rig.close)
            return rig

        yield make
