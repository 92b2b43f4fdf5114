"""Ends functions' process groups when the twin is gone, however it went.

A process of its own that reads ``+PID`` and ``-PID`` lines and does nothing, until the pipe from
the twin breaks. The kernel ends the functions' own processes with the twin (see launch.py, Linux);
this ends what they have started as well, and does so on every system.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable


class Guard:
    """The twin's side: says which groups there are."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, pid: int) -> None:
        """A group has been started."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._tell(f"+{pid}\n")

    def remove(self, pid: int) -> None:
        """A group has ended."""
        self._tell(f"-{pid}\n")

    def close(self) -> None:
        """End the guard, and what it still guards."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()

    def _tell(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it was killed; the next group starts another
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()


def guard(lines: Iterable[str]) -> None:
    """The other side: read until the end, then kill."""
    groups: set[int] = set()
    for line in lines:
        pid = int(line[1:])
        (groups.add if line.startswith("+") else groups.discard)(pid)
    for pid in groups:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    guard(sys.stdin)
