"""A function's operating-system process: started, listened to, killed; nothing about events."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

_LAUNCHER = Path(__file__).with_name("launch.py")
_READ_BYTES = 65536
_DRAIN_READS_MAX = 64


class FunctionProcess:
    """One process group. ``on_output`` gets what it prints, ``on_exit`` its return code, once."""

    def __init__(
        self,
        handler: str,
        directory: Path,
        variables: Mapping[str, str],
        on_output: Callable[[bytes], None],
        on_exit: Callable[[int], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_output = on_output
        self._on_exit = on_exit
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        try:
            # No preexec_fn: without one Python uses vfork, which does not copy the twin's page
            # tables. A session of its own makes the group that is killed as a whole.
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_LAUNCHER), str(os.getpid()), handler],
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                cwd=directory,
                env=dict(variables),
                start_new_session=True,
            )
        except OSError:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        self._output: int | None = read_end
        self._loop.add_reader(read_end, self.drain)
        self._handle: int | None = None
        self._waiter: asyncio.Task[None] | None = None
        self._reaped: asyncio.Future[None] = self._loop.create_future()
        self._watch_exit()
        self._memory = psutil.Process(self._process.pid)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it runs; asks the kernel, so that a kill a moment ago is seen."""
        return self._process.poll() is None

    def memory_mb(self) -> float:
        """Resident memory; 0 when it has ended."""
        try:
            return float(self._memory.memory_info().rss) / 1048576
        except psutil.Error:
            return 0.0

    def kill(self) -> None:
        """End the whole group now; ``on_exit`` follows."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def drain(self) -> None:
        """Take over what it has printed so far."""
        for _ in range(_DRAIN_READS_MAX):
            if self._output is None:
                return
            try:
                data = os.read(self._output, _READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._close_output()
                return
            self._on_output(data)
            if len(data) < _READ_BYTES:
                return

    async def ended(self) -> None:
        """Wait until it has ended and been reaped."""
        await asyncio.shield(self._reaped)

    def _watch_exit(self) -> None:
        if hasattr(os, "pidfd_open"):
            self._handle = os.pidfd_open(self._process.pid)
            self._loop.add_reader(self._handle, self._reap)
        else:
            self._waiter = self._loop.create_task(self._wait_in_thread())

    async def _wait_in_thread(self) -> None:
        await asyncio.to_thread(self._process.wait)
        self._reap()

    def _reap(self) -> None:
        code = self._process.poll()
        if code is None or self._reaped.done():
            return
        self._reaped.set_result(None)
        if self._handle is not None:
            self._loop.remove_reader(self._handle)
            os.close(self._handle)
        # Children that the function started outlive their parent; they share its group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.drain()
        self._close_output()
        self._on_exit(code)

    def _close_output(self) -> None:
        if self._output is not None:
            self._loop.remove_reader(self._output)
            os.close(self._output)
            self._output = None
