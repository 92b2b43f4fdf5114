"""A gateway's door: where connections come in, and are asked to come in elsewhere."""

from __future__ import annotations

import asyncio
import logging
import socket

from fraud_platform.gateway.http import HttpConnection
from fraud_platform.gateway.service import Service

log = logging.getLogger(__name__)

_BACKLOG = 4096
_RELEASE_S = 4.0
"""Connections that have had no answer to end with by then are left alone: they are no load."""


class Door:
    """Listens for a service, and can stop for a while without stopping the process."""

    def __init__(self, service: Service, listener: socket.socket) -> None:
        self._service = service
        self._listener = listener
        self._server: asyncio.Server | None = None
        self._coming_back: asyncio.TimerHandle | None = None
        self._releasing: asyncio.TimerHandle | None = None

    @property
    def serving(self) -> bool:
        """Whether connections are taken."""
        return self._server is not None

    async def open(self) -> None:
        """Take connections."""
        if self._server is None:
            # The server closes its socket with itself: it is given another name of ours.
            self._server = await asyncio.get_running_loop().create_server(
                lambda: HttpConnection(self._service),
                sock=self._listener.dup(),
                backlog=_BACKLOG,
            )

    def close(self) -> None:
        """Take no more connections, for good."""
        self._cancel(self._coming_back)
        self._cancel(self._releasing)
        if self._server is not None:
            self._server.close()
            self._server = None

    def release(self, connections: int) -> None:
        """Let so many connections go, each with its next answer, if that comes soon."""
        if self.serving:
            self._service.to_release = min(connections, len(self._service.connections))
            self._cancel(self._releasing)
            loop = asyncio.get_running_loop()
            self._releasing = loop.call_later(_RELEASE_S, self._release_no_more)

    def leave(self, seconds: float) -> None:
        """Go out of service for so long; repeated, for so long from now; 0: come back now.

        All connections go with their next answers. The kernel deals new ones to other processes
        that listen on the port; those it had dealt here and nobody took are reset.
        """
        self._cancel(self._coming_back)
        self._cancel(self._releasing)
        if seconds <= 0:
            self._come_back()
            return
        self._coming_back = asyncio.get_running_loop().call_later(seconds, self._come_back)
        if self._server is not None:
            log.warning("out of service; %d connections go", len(self._service.connections))
            self._server.close()
            self._server = None
            # Closing is not enough: the supervisor holds the socket too, so it would go on
            # listening, with nobody to take what comes.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._service.to_release = len(self._service.connections)

    def _come_back(self) -> None:
        self._coming_back = None
        if self._server is None:
            log.warning("back in service")
            self._service.to_release = 0
            task = asyncio.get_running_loop().create_task(self.open())
            self._service.keep(task)

    def _release_no_more(self) -> None:
        self._releasing = None
        self._service.to_release = 0

    @staticmethod
    def _cancel(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()
