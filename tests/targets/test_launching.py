import os
import signal
import sys
from pathlib import Path

import pytest

from squall.errors import ConfigurationError, SquallError, TargetUnreachable
from squall.targets.launching import LaunchedProcess, Program, exit_text, installed_command

READY = """
import json, os, sys, time
place = next(a for a in sys.argv if a.startswith("--ready-file=")).partition("=")[2]
with open(place + ".part", "w") as out:
    json.dump({"ready": True, "port": 4711}, out)
os.replace(place + ".part", place)
print("working", flush=True)
time.sleep(600)
"""


def program(tmp_path: Path, code: str, **changes: object) -> Program:
    values: dict[str, object] = {
        "name": "the thing",
        "command": (sys.executable, "-c", code),
        "log_file": tmp_path / "thing.log",
        "ready_file": tmp_path / "ready.json",
    }
    return Program(**(values | changes))  # type: ignore[arg-type]


async def test_it_is_launched_ready_and_ended(tmp_path: Path) -> None:
    process = LaunchedProcess(program(tmp_path, READY))
    looks: list[None] = []
    ready = await process.wait_until_ready(30, lambda: looks.append(None))
    assert ready["port"] == 4711
    assert process.pids() == (process.pid,)
    assert process.exit_reason() is None
    assert await process.stop(10)
    assert not process.alive
    assert process.pids() == ()
    assert "SIGTERM" in (process.exit_reason() or "")
    assert await process.stop(10)  # again does no harm, and it was ended by us


async def test_an_end_by_itself_is_not_in_order_and_is_told_with_the_log(tmp_path: Path) -> None:
    process = LaunchedProcess(program(tmp_path, READY))
    await process.wait_until_ready(30)
    os.kill(process.pid, signal.SIGKILL)
    while process.alive:  # the kill is on its way
        os.sched_yield()
    assert "killed by SIGKILL" in (process.exit_reason() or "")
    assert not await process.stop(10)


async def test_an_end_during_the_start_is_explained(tmp_path: Path) -> None:
    def explain(status: int, log: str) -> SquallError | None:
        return ConfigurationError("port taken") if status == 2 and "in use" in log else None

    refused = program(tmp_path, "import sys; print('in use'); sys.exit(2)", explain=explain)
    with pytest.raises(ConfigurationError, match="port taken"):
        await LaunchedProcess(refused).wait_until_ready(30)
    broken = program(tmp_path, "import sys; sys.exit('no memory')", explain=explain)
    with pytest.raises(TargetUnreachable, match=r"the thing ended while starting[\s\S]*no memory"):
        await LaunchedProcess(broken).wait_until_ready(30)


async def test_one_that_never_is_ready_is_given_up(tmp_path: Path) -> None:
    process = LaunchedProcess(program(tmp_path, "import time; time.sleep(600)"))
    with pytest.raises(TargetUnreachable, match=r"the thing was not ready after 0\.1 s"):
        await process.wait_until_ready(0.1)
    assert await process.stop(0.2)


def test_a_program_that_is_not_there_is_named_with_its_remedy(tmp_path: Path) -> None:
    missing = program(tmp_path, "", command=(str(tmp_path / "nothing"),), remedy="install it")
    with pytest.raises(TargetUnreachable, match=r"the thing cannot be launched .*; install it"):
        LaunchedProcess(missing)
    with pytest.raises(TargetUnreachable, match="no-such-command command is neither beside"):
        installed_command("no-such-command")


@pytest.mark.parametrize(
    ("status", "text"),
    [(3, "exit status 3"), (-9, "killed by SIGKILL"), (-250, "killed by signal 250")],
)
def test_statuses_are_put_into_words(status: int, text: str) -> None:
    assert exit_text(status) == text
