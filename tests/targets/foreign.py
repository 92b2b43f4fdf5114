"""Services that were not written here: installed from the package index, run as processes.

Each has a virtual environment of its own in ``.venv-foreign``, made on first use and kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

_HERE = Path(__file__).parent
_ENVIRONMENTS = _HERE.parents[1] / ".venv-foreign"
_INSTALL_TIMEOUT_S = 600
_START_TIMEOUT_S = 90
_STOP_TIMEOUT_S = 20


def environment(name: str) -> Path:
    """The ``bin`` directory of the environment in ``foreign-requirements-<name>.txt``."""
    requirements = _HERE / f"foreign-requirements-{name}.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    content = hashlib.sha256(version.encode() + requirements.read_bytes()).hexdigest()[:12]
    directory = _ENVIRONMENTS / f"{name}-{content}"
    if not (directory / "complete").exists():
        for old in _ENVIRONMENTS.glob(f"{name}-*"):
            shutil.rmtree(old)
        _run([sys.executable, "-m", "venv", "--without-pip", str(directory)])
        # Nothing is compiled in advance: a server uses little of what it depends on.
        python = str(directory / "bin" / "python")
        pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
        _run([*pip, "install", "--quiet", "--no-deps", "--no-compile", "-r", str(requirements)])
        (directory / "complete").touch()
    return directory / "bin"


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, (
        f"{' '.join(command)} ended with {done.returncode}; these tests need the package index\n"
        f"{done.stdout}{done.stderr}"
    )


def free_port() -> int:
    """A port that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: list[str], health_url: str, log_file: Path) -> Iterator[None]:
    """The service as a process, ready while the context lasts."""
    settings = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    settings["OMP_NUM_THREADS"] = "1"  # more only get in each other's way for one row at a time
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=log_file.parent,
            env=settings,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, health_url, log_file)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log_file: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the service ended while starting\n{log_file.read_text()}"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.05)
    raise AssertionError(f"the service was not ready in time\n{log_file.read_text()}")
