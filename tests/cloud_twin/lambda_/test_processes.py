"""Nothing is left behind: not by an orderly end, not by a twin that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
from tests.cloud_twin.lambda_.fakes import Bench, until

from cloud_twin.services.lambda_ import LambdaOptions

FUNCTION = """
import os, subprocess
def handler(event, context):
    child = subprocess.Popen(["sleep", "300"])
    return [os.getpid(), child.pid, os.getcwd()]
"""

TWIN = f"""
import asyncio, sys
from pathlib import Path
from cloud_twin.services.lambda_ import LambdaOptions
from tests.cloud_twin.lambda_.fakes import Bench

async def main():
    bench = Bench(LambdaOptions(work_directory=Path(sys.argv[1])))
    await bench.create({FUNCTION!r})
    (pid, child, directory), _, _ = await bench.invoke()
    print(pid, child, directory, flush=True)
    await asyncio.sleep(300)

asyncio.run(main())
"""


def running(pid: int) -> bool:
    """Whether it is there; a zombie whose reaper is slow has ended all the same."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def test_a_closed_twin_leaves_nothing(tmp_path: Path) -> None:
    bench = Bench(LambdaOptions(work_directory=tmp_path))
    await bench.create(FUNCTION)
    (pid, child, directory), _, _ = await bench.invoke()
    assert running(pid)
    assert running(child)
    await bench.service.close()
    assert not running(pid)
    await until(lambda: not running(child))
    assert list(tmp_path.iterdir()) == []
    assert not os.path.exists(directory)
    mine = psutil.Process().children()
    assert not [p for p in mine if "guard.py" in " ".join(p.cmdline())]
    await bench.service.close()


async def test_a_killed_twin_leaves_no_process_and_the_next_one_removes_its_files(
    tmp_path: Path,
) -> None:
    twin = subprocess.Popen(
        [sys.executable, "-c", TWIN, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    try:
        assert twin.stdout is not None
        pid, child, directory = twin.stdout.readline().split()
        helpers = psutil.Process(twin.pid).children(recursive=True)
        assert {int(pid), int(child)} < {process.pid for process in helpers}
    finally:
        twin.send_signal(signal.SIGKILL)
        twin.wait(10)
        assert twin.stdout is not None
        twin.stdout.close()
    await until(lambda: not any(running(process.pid) for process in helpers))
    assert os.path.exists(directory)
    bench = Bench(LambdaOptions(work_directory=tmp_path))
    await bench.create(FUNCTION)
    assert not os.path.exists(directory)
    await bench.service.close()


async def test_a_killed_guard_is_replaced(bench: Bench) -> None:
    await bench.create(FUNCTION)
    await bench.invoke()
    guards = [
        process
        for process in psutil.Process().children()
        if any(part.endswith("guard.py") for part in process.cmdline())
    ]
    assert len(guards) == 1
    guards[0].kill()
    await until(lambda: not running(guards[0].pid))
    await bench.call("UpdateFunctionConfiguration", FunctionName="fn", Timeout=9)
    (_, child, _), error, _ = await bench.invoke()
    assert error is None
    await bench.service.close()
    assert not running(child)
