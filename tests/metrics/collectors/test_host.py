from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from squall.metrics.collectors import HostCollector

BUSY = "while True: pass"
IDLE = "import time; time.sleep(600)"


@pytest.fixture
def idle_process() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", IDLE])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def busy_process() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    yield process
    process.kill()
    process.wait()


def test_target_generator_and_host_are_told_apart(
    busy_process: subprocess.Popen[bytes], idle_process: subprocess.Popen[bytes]
) -> None:
    collector = HostCollector(lambda: (busy_process.pid,), generator_pid=idle_process.pid)
    collector.sample(0.0)
    deadline = time.monotonic() + 20
    at_s, seen = 0.0, 0.0
    while seen < 0.2 and time.monotonic() < deadline:
        at_s += 1.0
        samples = {s.source: s for s in collector.sample(at_s)}
        seen += samples["target"].cpu_cores
    assert seen >= 0.2
    assert set(collector.means) == {"generator", "target", "host"}
    assert collector.means["generator"].cpu_cores < collector.means["target"].cpu_cores + 1
    assert collector.means["target"].rss_bytes > 1_000_000
    assert collector.means["host"].rss_bytes > collector.means["target"].rss_bytes
    assert collector.means["host"].cores_available >= 1


def test_the_targets_processes_are_not_the_generators(
    idle_process: subprocess.Popen[bytes],
) -> None:
    with_target = HostCollector(lambda: (idle_process.pid,))
    without = HostCollector(lambda: ())
    for collector in (with_target, without):
        collector.sample(0.0)
        collector.sample(1.0)
    assert with_target.means["generator"].processes == without.means["generator"].processes - 1
    assert "target" not in without.means


def test_a_process_that_has_ended_is_left_out(idle_process: subprocess.Popen[bytes]) -> None:
    collector = HostCollector(lambda: (idle_process.pid,))
    collector.sample(0.0)
    collector.sample(1.0)
    idle_process.kill()
    idle_process.wait()
    assert {s.source for s in collector.sample(2.0)} == {"generator", "host"}


def test_samples_are_in_order_of_time() -> None:
    collector = HostCollector(lambda: ())
    for second in range(5):
        collector.sample(float(second))
    times = [s.at_s for s in collector.samples]
    assert times == sorted(times)
    assert len(times) == 8
