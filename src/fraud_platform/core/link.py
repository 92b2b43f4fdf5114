"""The core's end of its links to the gateways: a local socket that only this user may open."""

from __future__ import annotations

import logging
import os
import selectors
import socket
import struct
import threading
from collections.abc import Sequence
from typing import Any

from fraud_platform.core.engine import Answer
from fraud_platform.core.frames import ANSWERS, FrameReader, frame
from fraud_platform.errors import LinkError

log = logging.getLogger(__name__)

_READ = 1 << 20
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class _Link:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.reader = FrameReader()
        self.sending = threading.Lock()


class LinkServer:
    """Accepts gateways, reads their messages, sends them answers.

    ``wait`` belongs to one thread; ``send`` and ``answer`` may be called from any.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, None)
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._links: dict[int, _Link] = {}
        self._last = 0

    def __len__(self) -> int:
        """Gateways connected."""
        return len(self._links)

    def numbers(self) -> frozenset[int]:
        """Their numbers; a gateway that was started again has a new one."""
        return frozenset(self._links)

    def wait(self, timeout_s: float | None) -> list[tuple[int, tuple[Any, ...]]]:
        """Messages with the numbers of their links, as soon as there are any."""
        messages: list[tuple[int, tuple[Any, ...]]] = []
        for key, _ in self._selector.select(timeout_s):
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._wake_read:
                self._wake_read.recv(4096)
            else:
                number: int = key.data
                messages += [(number, message) for message in self._read(number)]
        return messages

    def wake(self) -> None:
        """Let ``wait`` return at once."""
        self._wake_write.send(b"!")

    def send(self, number: int, message: tuple[Any, ...]) -> None:
        """Send one message; a gateway that is gone does not matter."""
        link = self._links.get(number)
        if link is None:
            return
        data = frame(message)
        try:
            with link.sending:
                link.connection.sendall(data)
        except OSError:
            log.warning("gateway %d is gone; %d bytes for it are dropped", number, len(data))

    def answer(self, answers: Sequence[Answer]) -> None:
        """Send answers to the gateways they belong to."""
        by_link: dict[int, list[tuple[int, int, bool, bytes]]] = {}
        for a in answers:
            number, token = a.origin
            by_link.setdefault(number, []).append((token, a.status, a.replay, a.body))
        for number, rows in by_link.items():
            self.send(number, (ANSWERS, rows))

    def close(self) -> None:
        """Close every socket."""
        for link in self._links.values():
            link.connection.close()
        for one in (self._listener, self._wake_read, self._wake_write):
            one.close()
        self._selector.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        credentials = connection.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
        )
        if _CREDENTIALS.unpack(credentials)[1] != os.getuid():
            log.warning("another user's process tried to connect; refused")
            connection.close()
            return
        self._last += 1
        self._links[self._last] = _Link(connection)
        self._selector.register(connection, selectors.EVENT_READ, self._last)

    def _read(self, number: int) -> list[tuple[Any, ...]]:
        link = self._links[number]
        try:
            data = link.connection.recv(_READ)
            if data:
                return link.reader.feed(data)
        except (OSError, LinkError) as error:
            log.warning("link %d: %s", number, error)
        self._selector.unregister(link.connection)
        del self._links[number]
        link.connection.close()
        return []


def listen(address: str) -> socket.socket:
    """Listen on a name in Linux's abstract socket namespace (it leaves no file behind)."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(f"\0{address}")
    listener.listen(64)
    return listener
