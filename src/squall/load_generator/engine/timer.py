"""A timer finer than the event loop's own, which rounds to a millisecond."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = 0o2004000
_ABSOLUTE = 1


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class FineTimer:
    """Calls back once at a time on ``time.monotonic``'s clock, to well under a millisecond.

    Linux: a timerfd, watched by the loop (a late callback means a late loop). Elsewhere: the
    loop's own timer, one millisecond coarse.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._fd = -1
        self._handle: asyncio.TimerHandle | None = None
        if sys.platform == "linux":
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd >= 0:
            self._spec = _TimerSpec()
            self._pointer = ctypes.byref(self._spec)
            self._settime = self._libc.timerfd_settime
            loop.add_reader(self._fd, callback)

    def arm(self, at_s: float) -> None:
        """Call back at ``at_s`` (``time.monotonic`` seconds); replaces an earlier time.

        Arming again also takes back an expiry that was not yet served.
        """
        if self._fd < 0:
            if self._handle is not None:
                self._handle.cancel()
            self._handle = self._loop.call_at(at_s, self._callback)
            return
        whole = int(at_s)
        value = self._spec.value
        value.seconds = whole
        value.nanoseconds = int((at_s - whole) * 1e9) or 1
        self._settime(self._fd, _ABSOLUTE, self._pointer, None)

    def close(self) -> None:
        """Stop calling back."""
        if self._handle is not None:
            self._handle.cancel()
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
