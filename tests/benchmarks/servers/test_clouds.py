from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.tools import TOOLS_VARIABLE
from benchmarks.servers.clouds import MINISTACK, MOTO, TWIN, Cloud, cpu_between, running


def make_tool(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_what_is_not_installed_has_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(TOOLS_VARIABLE, raising=False)
    for cloud in (MOTO, MINISTACK):
        assert cloud.version() is None
        with pytest.raises(BenchmarkError, match="not installed"):
            cloud.command(1)
    assert TWIN.version()


def test_a_tool_is_started_on_its_port_and_says_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tool(tmp_path / "moto_server", "exit 1")
    monkeypatch.setenv(TOOLS_VARIABLE, str(tmp_path))
    assert MOTO.version() == "installed, version unknown"
    make_tool(tmp_path / "python", 'echo "of $3"')
    assert MOTO.version() == "of moto"
    command = MOTO.command(4711)
    assert command == [str(tmp_path / "moto_server"), "-H", "127.0.0.1", "-p", "4711"]


def test_one_that_ends_at_once_is_an_error_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tool(tmp_path / "broken-cloud", 'echo "port $CLOUD_PORT is cursed" >&2')
    monkeypatch.setenv(TOOLS_VARIABLE, str(tmp_path))
    broken = Cloud("broken", "x", "/", "broken-cloud", variables={"CLOUD_PORT": "{port}"})
    with (
        pytest.raises(BenchmarkError, match=r"broken does not start: port \d+ is cursed"),
        running(broken, tmp_path / "run"),
    ):
        pass


def test_cpu_between_counts_new_processes_in_full() -> None:
    assert cpu_between({1: 2.0, 3: 1.0}, {1: 2.5, 2: 0.25}) == 0.75


def test_the_twin_runs_takes_limits_and_ends(tmp_path: Path) -> None:
    with running(TWIN, tmp_path) as server:
        pid = server.pid
        server.set_limits({"kinesis": {"records_per_shard_s": 5}})
        assert server.limits()["kinesis"]["records_per_shard_s"] == 5
        with pytest.raises(BenchmarkError, match="does not take these limits"):
            server.set_limits({"kinesis": {"wishes": 3}})
        assert sum(server.cpu_s().values()) > 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
