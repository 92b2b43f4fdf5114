"""Child processes on a chosen core, and the CPU time that they and their children use."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

SERVER_CORE = 0
CLIENT_CORE = 1

_CPUCLOCK_SCHED = 2


class BenchmarkError(Exception):
    """A measurement could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended."""

    exit_status: int
    cpu_s: float
    """User and system time, with that of every child it waited for."""
    wall_s: float
    stdout: str
    stderr: str


class Child:
    """One child process in a process group of its own, pinned to ``cores``.

    Its output goes to files in ``directory``, so a full pipe cannot stop it.
    """

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        cores: Sequence[int] = (CLIENT_CORE,),
        environment: Mapping[str, str] | None = None,
        working_directory: Path | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._stdout_path = directory / "stdout"
        self._stderr_path = directory / "stderr"
        self._started = time.monotonic()
        with self._stdout_path.open("wb") as out, self._stderr_path.open("wb") as err:
            self._process = _start(command, cores, environment, working_directory, out, err)
        self.pid = self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet (it is not reaped here)."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def wait(self, timeout_s: float) -> Finished:
        """Wait for its end; past ``timeout_s`` its whole group is killed.

        Raises:
            BenchmarkError: it did not end in time.
        """
        deadline = time.monotonic() + timeout_s
        while self.running:
            if time.monotonic() > deadline:
                self.kill()
                raise BenchmarkError(f"not finished after {timeout_s:.0f} s\n{self.stderr_tail()}")
            time.sleep(0.02)
        return self._reap()

    def terminate(self, timeout_s: float = 10.0) -> Finished:
        """Ask it to end (SIGTERM), and wait."""
        os.killpg(self.pid, signal.SIGTERM)
        return self.wait(timeout_s)

    def kill(self) -> None:
        """Kill its whole group and reap it; does nothing to one that was reaped."""
        if self._process.returncode is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._reap()

    def _reap(self) -> Finished:
        _, status, usage = os.wait4(self.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return Finished(
            exit_status=self._process.returncode,
            cpu_s=usage.ru_utime + usage.ru_stime,
            wall_s=time.monotonic() - self._started,
            stdout=self._stdout_path.read_text(errors="replace"),
            stderr=self._stderr_path.read_text(errors="replace"),
        )

    def stderr_tail(self, characters: int = 2000) -> str:
        """The end of what it said."""
        return self._stderr_path.read_text(errors="replace")[-characters:]


def _start(
    command: Sequence[str],
    cores: Sequence[int],
    environment: Mapping[str, str] | None,
    working_directory: Path | None,
    out: IO[bytes],
    err: IO[bytes],
) -> subprocess.Popen[bytes]:
    here = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, set(cores))  # a child starts where its parent is
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=working_directory,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    except OSError as error:
        raise BenchmarkError(f"{command[0]} cannot be started: {error}") from error
    finally:
        os.sched_setaffinity(0, here)


def process_cpu_s(pid: int) -> float:
    """CPU time of one living process with all its threads, dead ones included, to a nanosecond.

    Reads the process's CPU clock: its number is (~pid << 3) | 2, see ``clock_getcpuclockid(3)``.
    """
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def tree_cpu_s(pid: int) -> dict[int, float]:
    """CPU time by process of a living process and its living descendants."""
    found = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    times: dict[int, float] = {}
    for member in found:
        try:
            times[member] = process_cpu_s(member)
        except OSError:  # ended between the two calls
            continue
    return times


def require_two_cores() -> None:
    """Refuse to measure where client and server would share a core.

    Raises:
        BenchmarkError: cores 0 and 1 are not both available.
    """
    available = os.sched_getaffinity(0)
    if not {SERVER_CORE, CLIENT_CORE} <= available:
        raise BenchmarkError(
            "this benchmark needs cores 0 and 1 (one for the server, one for the client); "
            f"available: {sorted(available)}"
        )


def stay_with_the_server() -> None:
    """Move this process to the server's core, so that the client has its own to itself."""
    os.sched_setaffinity(0, {SERVER_CORE})
