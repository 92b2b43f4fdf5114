from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.harness.processes import BenchmarkError, Child, process_cpu_s, tree_cpu_s

CORE = min(os.sched_getaffinity(0))


def burn(seconds: float) -> str:
    return f"import time\nwhile time.process_time() < {seconds}: pass\n"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_cpu_includes_children_that_were_waited_for(tmp_path: Path) -> None:
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn(0.2)!r}])"
    finished = Child(python(code), tmp_path, cores=(CORE,)).wait(30)
    assert finished.exit_status == 0
    assert finished.cpu_s >= 0.2


def test_output_and_status_are_kept(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    finished = Child(python(code), tmp_path, cores=(CORE,)).wait(30)
    assert (finished.stdout, finished.stderr, finished.exit_status) == ("out\n", "err\n", 3)


def test_it_runs_on_its_core_and_we_stay_where_we_were(tmp_path: Path) -> None:
    here = os.sched_getaffinity(0)
    code = "import os; print(os.sched_getaffinity(0))"
    finished = Child(python(code), tmp_path, cores=(CORE,)).wait(30)
    assert finished.stdout == f"{{{CORE}}}\n"
    assert os.sched_getaffinity(0) == here


def test_environment_is_added(tmp_path: Path) -> None:
    code = "import os; print(os.environ['BENCH_X'])"
    child = Child(python(code), tmp_path, cores=(CORE,), environment={"BENCH_X": "7"})
    assert child.wait(30).stdout == "7\n"


def test_what_does_not_end_is_killed(tmp_path: Path) -> None:
    child = Child(python("import time; time.sleep(600)"), tmp_path, cores=(CORE,))
    with pytest.raises(BenchmarkError, match="not finished after 0 s"):
        child.wait(0.05)
    child.kill()  # a second time does nothing
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_what_cannot_start_is_said(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="cannot be started"):
        Child([str(tmp_path / "nothing")], tmp_path, cores=(CORE,))


def test_a_cpu_clock_counts_what_was_used() -> None:
    before, own_before = process_cpu_s(os.getpid()), time.process_time()
    while time.process_time() < own_before + 0.05:
        pass
    used = process_cpu_s(os.getpid()) - before
    assert 0.05 <= used < 5


def test_the_tree_has_every_process(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    child = Child(python(code), tmp_path, cores=(CORE,))
    try:
        deadline = time.monotonic() + 30
        while not (told := (tmp_path / "stdout").read_text()).endswith("\n"):
            assert time.monotonic() < deadline
        assert tree_cpu_s(child.pid).keys() == {child.pid, int(told)}
    finally:
        child.kill()
