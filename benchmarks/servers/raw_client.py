"""One keep-alive connection that sends bytes made before, so that the client costs nothing."""

from __future__ import annotations

import os
import socket
from http.client import HTTPException, HTTPResponse

from benchmarks.harness.processes import CLIENT_CORE, BenchmarkError


class RawClient:
    """Sends one request after the other; connects again where the server has closed."""

    def __init__(self, port: int, timeout_s: float = 60.0) -> None:
        self._address = ("127.0.0.1", port)
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, request: bytes) -> bytes:
        """The answer's body.

        Raises:
            BenchmarkError: the answer is not 200, or there is none.
        """
        try:
            status, body = self._exchange(request)
        except (OSError, HTTPException) as error:
            self.close()
            raise BenchmarkError(f"no answer from port {self._address[1]}: {error!r}") from error
        if status != 200:
            said = body[:500].decode(errors="replace")
            raise BenchmarkError(f"port {self._address[1]} answered {status}: {said}")
        return body

    def close(self) -> None:
        """Close the connection. Harmless when repeated."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=self._timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        response = HTTPResponse(self._socket, method="POST")
        try:
            response.begin()
            body = response.read()
        finally:
            response.close()
        if response.will_close:
            self.close()
        return response.status, body


def stay_with_the_client() -> None:
    """Move this process, which is the client, to the client's core."""
    os.sched_setaffinity(0, {CLIENT_CORE})
