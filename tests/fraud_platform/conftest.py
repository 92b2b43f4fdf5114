from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fraud_platform.learning.cache import obtain_model
from fraud_platform.learning.history import History, read_history
from fraud_platform.learning.model import LearnedModel


def make_history(folder: Path, seed: int, count: int) -> Path:
    path = folder / f"history-{seed}.parquet"
    command = [sys.executable, "-m", "squall.cli.main", "data", "generate"]
    command += [f"--count={count}", f"--seed={seed}", f"--out={path}"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return path


@pytest.fixture(scope="session")
def history_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small labelled history, made by squall's own command."""
    return make_history(tmp_path_factory.mktemp("history"), seed=7, count=16_000)


@pytest.fixture(scope="session")
def history(history_file: Path) -> History:
    return read_history(history_file)


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("model")


@pytest.fixture(scope="session")
def model(history_file: Path, model_dir: Path) -> LearnedModel:
    """Learned once for all tests, and kept in ``model_dir``."""
    return obtain_model(model_dir, history_file)
