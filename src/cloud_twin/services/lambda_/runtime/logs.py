"""What functions print: a bounded ring per function, and the tail of one invocation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

TAIL_BYTES = 4096
"""Of an invocation's log, ``LogType: Tail`` gives the last 4 KB."""
LINE_BYTES_MAX = 256 * 1024
"""A longer line is cut into pieces of this size (CloudWatch's limit for an event)."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. ``stream`` names the environment that wrote it."""

    wall_s: float
    stream: str
    text: str


class FunctionLog:
    """The newest lines of one function, of all its environments."""

    def __init__(
        self, name: str, lines_max: int, on_log: Callable[[str, str], None] | None
    ) -> None:
        self._name = name
        self._lines: deque[LogLine] = deque(maxlen=lines_max)
        self._on_log = on_log

    def add(self, wall_s: float, stream: str, text: str) -> None:
        """Keep one line."""
        self._lines.append(LogLine(wall_s, stream, text))
        if self._on_log is not None:
            self._on_log(self._name, text)

    def lines(self) -> list[LogLine]:
        """A copy, oldest first."""
        return list(self._lines)


class LogCapture:
    """Cuts one environment's output into lines, and keeps the current invocation's tail."""

    def __init__(self, log: FunctionLog, stream: str, wall_s: Callable[[], float]) -> None:
        self._log = log
        self._stream = stream
        self._wall_s = wall_s
        self._rest = b""
        self._tail = bytearray()
        self._begun = False

    def begin(self, request_id: str, version: str) -> None:
        """An invocation starts; the first one's log begins with what loading the function said."""
        if self._begun:
            self._tail.clear()
        self._begun = True
        self.line(f"START RequestId: {request_id} Version: {version}")

    def feed(self, data: bytes) -> None:
        """Output of the process, in whatever pieces it comes."""
        *lines, rest = (self._rest + data).split(b"\n")
        while len(rest) > LINE_BYTES_MAX:
            lines.append(rest[:LINE_BYTES_MAX])
            rest = rest[LINE_BYTES_MAX:]
        self._rest = rest
        for raw in lines:
            # The runtime client writes the line ends inside a traceback as carriage returns.
            self.line(raw.decode("utf-8", "replace").rstrip("\r").replace("\r", "\n"))

    def line(self, text: str) -> None:
        """One whole line."""
        self._log.add(self._wall_s(), self._stream, text)
        tail = self._tail
        tail += text.encode("utf-8", "replace")
        tail += b"\n"
        if len(tail) > TAIL_BYTES:
            del tail[: len(tail) - TAIL_BYTES]

    def flush(self) -> None:
        """Count what has no line end yet as a line."""
        if self._rest:
            self.feed(b"\n")

    def tail(self) -> bytes:
        """The end of the current invocation's log."""
        return bytes(self._tail)
