import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from squall.errors import ConfigurationError, TargetUnreachable
from squall.targets import platform_history
from squall.targets.platform import PlatformOptions, PlatformProcess

FAKE = """
import json, os, signal, subprocess, sys, time
options = dict(a[2:].split("=", 1) for a in sys.argv[2:])
manner = os.environ["MANNER"]
print("2026-11-23 18:45:02,123 INFO training the model", flush=True)
if manner == "dies":
    sys.exit("no such column: amount")
if manner == "libgomp":
    sys.exit("OSError: libgomp.so.1: cannot open shared object file")
if manner == "never ready":
    time.sleep(600)
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
def end(*_):
    child.kill(); child.wait(); sys.exit(0)
if manner != "stubborn":
    signal.signal(signal.SIGTERM, end)
with open(options["data-dir"] + "/arguments.json", "w") as out:
    json.dump(options, out)
unfinished = options["ready-file"] + ".part"
with open(unfinished, "w") as out:
    json.dump({"ready": True, "port": 4711, "pid": os.getpid()}, out)
os.replace(unfinished, options["ready-file"])
while True:
    time.sleep(60)
"""


@pytest.fixture
def options(tmp_path: Path) -> Callable[..., PlatformOptions]:
    script = tmp_path / "fake_platform.py"
    script.write_text(FAKE)
    history = tmp_path / "history.parquet"
    history.touch()

    def make(manner: str = "good", **changes: object) -> PlatformOptions:
        values: dict[str, object] = {
            "cache_dir": tmp_path / "cache",
            "command": (sys.executable, str(script)),
            "history": history,
            "environment": {"MANNER": manner},
            "data_dir": tmp_path / "data",
        }
        return PlatformOptions(**(values | changes))  # type: ignore[arg-type]

    return make


def gone(pid: int, timeout_s: float = 10) -> bool:
    """Whether the process ends, or is a zombie without a parent to reap it, before the deadline."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


async def test_it_is_launched_watched_and_stopped(
    options: Callable[..., PlatformOptions], tmp_path: Path
) -> None:
    said: list[str] = []
    async with PlatformProcess(options(processes=2), said.append) as running:
        assert running.alive
        assert running.base_url == "http://127.0.0.1:4711"
        assert running.exit_reason() is None
        first, *others = running.pids()
        assert first == running.pid
        assert len(others) == 1
        assert os.getpgid(first) == first  # its own group: Ctrl-C here does not reach it
        arguments = (tmp_path / "data" / "arguments.json").read_text()
        assert '"processes": "2"' in arguments
        assert "training the model" in running.log_file.read_text()
    assert not running.alive
    assert running.pids() == ()
    assert all(gone(pid) for pid in (first, *others))
    assert running.exit_reason() is not None
    assert said[0] == "starting the fraud platform"
    assert (tmp_path / "data").exists()  # a chosen directory is kept


async def test_a_temporary_directory_goes_with_an_orderly_stop(
    options: Callable[..., PlatformOptions],
) -> None:
    async with PlatformProcess(options(data_dir=None)) as running:
        directory = running.data_dir
        assert directory.exists()
    assert not directory.exists()


async def test_a_killed_platform_is_noticed_and_its_evidence_is_kept(
    options: Callable[..., PlatformOptions],
) -> None:
    async with PlatformProcess(options(data_dir=None)) as running:
        pids = running.pids()
        os.kill(running.pid, signal.SIGKILL)
        assert gone(running.pid)
        assert not running.alive
        reason = running.exit_reason()
    assert reason is not None
    assert "killed by SIGKILL" in reason
    assert "training the model" in reason
    assert running.log_file.exists()
    assert all(gone(pid) for pid in pids)  # its children were left behind and are gone too
    for file in running.data_dir.iterdir():
        file.unlink()
    running.data_dir.rmdir()


async def test_one_that_does_not_heed_is_ended_by_force(
    options: Callable[..., PlatformOptions],
) -> None:
    async with PlatformProcess(options("stubborn", stop_timeout_s=0.3)) as running:
        pids = running.pids()
    assert all(gone(pid) for pid in pids)
    assert "SIGKILL" in (running.exit_reason() or "")


async def test_a_platform_that_dies_at_its_start_shows_its_last_words(
    options: Callable[..., PlatformOptions],
) -> None:
    with pytest.raises(TargetUnreachable, match=r"exit status 1[\s\S]*no such column: amount"):
        async with PlatformProcess(options("dies")):
            pass


async def test_a_missing_libgomp_is_named_with_its_remedy(
    options: Callable[..., PlatformOptions],
) -> None:
    with pytest.raises(TargetUnreachable, match="apt-get install libgomp1"):
        async with PlatformProcess(options("libgomp")):
            pass


async def test_one_that_is_never_ready_is_given_up_and_stopped(
    options: Callable[..., PlatformOptions],
) -> None:
    starting = PlatformProcess(options("never ready", start_timeout_s=0.5))
    with pytest.raises(TargetUnreachable, match=r"not ready after 0\.5 s"):
        async with starting:
            pass
    assert not starting.alive


async def test_a_port_in_use_is_refused_before_anything_starts(
    options: Callable[..., PlatformOptions],
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"--port {port}: cannot be used"):
            async with PlatformProcess(options(port=port)):
                pass


async def test_a_data_directory_that_cannot_be_made_is_refused(
    options: Callable[..., PlatformOptions], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="choose a directory you can write"):
        async with PlatformProcess(options(data_dir=tmp_path / "file" / "data")):
            pass


async def test_a_program_that_is_not_there_is_refused(
    options: Callable[..., PlatformOptions], tmp_path: Path
) -> None:
    with pytest.raises(TargetUnreachable, match="cannot be launched"):
        async with PlatformProcess(options(command=(str(tmp_path / "nothing"),))):
            pass


async def test_a_missing_installation_is_refused(
    options: Callable[..., PlatformOptions], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetUnreachable, match="reinstall squall"):
        async with PlatformProcess(options(command=())):
            pass


def test_a_killed_squall_does_not_leave_the_platform_behind(
    options: Callable[..., PlatformOptions], tmp_path: Path
) -> None:
    made = options()
    code = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from squall.targets.platform import PlatformOptions, PlatformProcess\n"
        "async def main():\n"
        f"    async with PlatformProcess(PlatformOptions(cache_dir=Path({str(tmp_path)!r}),"
        f" data_dir=Path({str(made.data_dir)!r}), command={made.command!r},"
        f" history=Path({str(made.history)!r}), environment={made.environment!r})) as running:\n"
        "        print(*running.pids(), flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pids = [int(pid) for pid in owner.stdout.readline().split()]
    assert len(pids) == 2
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert all(gone(pid) for pid in pids)


async def test_the_history_is_made_once_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[tuple[int, int]] = []

    async def generate(path: Path, count: int, seed: int) -> None:
        made.append((count, seed))
        path.write_bytes(b"rows")

    monkeypatch.setattr(platform_history, "_generate", generate)
    said: list[str] = []
    first = await platform_history.ensure_history(tmp_path / "cache", said.append, 500, 7)
    again = await platform_history.ensure_history(tmp_path / "cache", said.append, 500, 7)
    assert first == again
    assert first.read_bytes() == b"rows"
    assert made == [(500, 7)]
    assert len(said) == 1
    assert list((tmp_path / "cache").iterdir()) == [first]


async def test_a_cache_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="XDG_CACHE_HOME"):
        await platform_history.ensure_history(tmp_path / "file" / "cache", lambda _: None)


async def test_a_failed_generation_shows_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 'squall: no room left' >&2\nexit 2\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(TargetUnreachable, match="status 2\nsquall: no room left"):
        await platform_history.ensure_history(tmp_path / "cache", lambda _: None)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_cache_follows_the_xdg_convention() -> None:
    default = platform_history.default_cache_dir({})
    assert default == Path.home() / ".cache" / "squall"
    assert platform_history.default_cache_dir({"XDG_CACHE_HOME": "/c"}) == Path("/c/squall")


async def test_cancelling_the_start_leaves_nothing_behind(
    options: Callable[..., PlatformOptions],
) -> None:
    starting = PlatformProcess(options("never ready"))
    launched = asyncio.Event()

    def note(text: str) -> None:
        if text == "starting the fraud platform: training the model":
            launched.set()

    starting._progress = note
    task = asyncio.create_task(starting.__aenter__())
    await asyncio.wait_for(launched.wait(), 20)
    pid = starting.pid
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(pid)
