"""Messages between the platform's own processes: length-prefixed ``marshal`` on a local socket.

``marshal`` is the fastest way to move plain tuples between two processes of one interpreter. It
must not be fed by strangers: ``core.link`` lets only this user's processes connect.
"""

from __future__ import annotations

import marshal
import struct
from typing import Any, Final

from fraud_platform.errors import LinkError

TRANSACTIONS: Final = "t"
"""(TRANSACTIONS, [(token, transaction as a plain tuple), …]): gateway to core."""
ANSWERS: Final = "a"
"""(ANSWERS, [(token, status, is a replay, body), …]): core to gateway."""
FIGURES: Final = "f"
"""(FIGURES, request number, figures as JSON): a gateway tells its own and asks for all."""
CONTROL: Final = "c"
"""(CONTROL, request number, question or answer as JSON): disturbances, where they are allowed."""
RELEASE: Final = "r"
"""(RELEASE, connections): the core has a gateway let so many connections go."""
LEAVE: Final = "l"
"""(LEAVE, seconds): the core has a gateway go out of service for so long; 0: come back."""

LONGEST = 64 * 1024 * 1024
_HEAD = struct.Struct("<I")
_MARSHAL = 2
"""The version without back references: faster for rows that share little."""


def frame(message: tuple[Any, ...]) -> bytes:
    """One message, ready to send."""
    content = marshal.dumps(message, _MARSHAL)
    return _HEAD.pack(len(content)) + content


class FrameReader:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[tuple[Any, ...]]:
        """The messages completed by ``data``; raises ``LinkError`` on nonsense."""
        rest = self._rest
        rest += data
        messages: list[tuple[Any, ...]] = []
        start = 0
        while len(rest) - start >= _HEAD.size:
            (length,) = _HEAD.unpack_from(rest, start)
            if length > LONGEST:
                raise LinkError(f"a message of {length} bytes; at most {LONGEST} are allowed")
            end = start + _HEAD.size + length
            if len(rest) < end:
                break
            with memoryview(rest) as view:
                messages.append(marshal.loads(view[start + _HEAD.size : end]))
            start = end
        del rest[:start]
        return messages
