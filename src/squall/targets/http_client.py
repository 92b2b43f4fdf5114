"""A small HTTP client for what happens beside the load: health, final read, agent figures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from squall.errors import TargetProtocolError, TargetUnreachable
from squall.load_generator.engine.answer import Answer, AnswerParser, UnreadableAnswer
from squall.load_generator.engine.connector import tls_context
from squall.load_generator.target_spec import Endpoint
from squall.targets.failures import (
    ClosedEarly,
    describe_failure,
    speaks_tls,
    tls_expected,
    wants_tls,
)

_CHUNK = 1 << 18
_HANDSHAKE_SHARE = 0.9
"""Part of the time that a TLS handshake may take, so that it is known to be what took it."""


@dataclass(slots=True)
class _Open:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class HttpClient:
    """One keep-alive connection, one request at a time. It follows no redirects.

    ``headers`` go with every request; ``keep`` are header fields (lower case) of answers that are
    wanted beside their bodies.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        timeout_s: float = 10.0,
        headers: Mapping[str, str] | None = None,
        keep: frozenset[bytes] = frozenset(),
    ) -> None:
        self._endpoint = endpoint
        self._keep = keep
        self._timeout_s = timeout_s
        self._headers = dict(headers or {})
        self._open: _Open | None = None

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to one GET.

        Raises:
            TargetUnreachable: no connection, or none that lasted.
            TargetProtocolError: what answers does not speak HTTP.
        """
        fields = {"Host": str(self._endpoint), "Accept": "application/json"}
        for name, value in {**self._headers, **(headers or {})}.items():
            fields = {known: old for known, old in fields.items() if known.lower() != name.lower()}
            fields[name] = value
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return await self.exchange(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())

    async def exchange(self, request: bytes) -> Answer:
        """The answer to one ready request; raises as ``get``."""
        reused = self._open is not None
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    answer = await self._exchange(request)
                except ConnectionError:
                    await self.close()
                    if not reused:
                        raise
                    answer = await self._exchange(request)
        except TimeoutError as error:
            raise TargetUnreachable(await self._describe_timeout()) from error
        except OSError as error:
            await self.close()
            raise TargetUnreachable(describe_failure(self._endpoint, error)) from error
        if not self._endpoint.tls and wants_tls(answer.status, answer.body):
            raise TargetProtocolError(tls_expected(self._endpoint))
        return answer

    async def _describe_timeout(self) -> str:
        connected = self._open is not None
        await self.close()
        took = "took the connection but gave no answer" if connected else "took no connection"
        return f"{self._endpoint} {took} within {self._timeout_s:g} s: is it running and reachable?"

    async def _exchange(self, request: bytes) -> Answer:
        connection = await self._connected()
        connection.writer.write(request)
        await connection.writer.drain()
        parser = AnswerParser(self._keep)
        first = b""
        while True:
            data = await connection.reader.read(_CHUNK)
            first = first or data
            try:
                answer = parser.feed(data) if data else parser.end_of_stream()
            except UnreadableAnswer as error:
                await self.close()
                raise TargetProtocolError(self._describe_unreadable(first, error)) from error
            if answer is not None:
                if not answer.keep_alive:
                    await self.close()
                return answer
            if not data:
                raise ClosedEarly(midway=bool(first))

    def _describe_unreadable(self, first: bytes, error: UnreadableAnswer) -> str:
        if not self._endpoint.tls and speaks_tls(first):
            return tls_expected(self._endpoint)
        # httptools wraps what its callbacks raise.
        cause = error.__cause__.__context__ if error.__cause__ is not None else None
        reason = cause if isinstance(cause, UnreadableAnswer) else error
        if first.startswith(b"HTTP/1."):
            return f"an answer of {self._endpoint} cannot be read ({reason})"
        return (
            f"what answers at {self._endpoint} does not speak HTTP/1.1 ({reason}): "
            "is this the right port?"
        )

    async def _connected(self) -> _Open:
        if self._open is None:
            endpoint = self._endpoint
            context = tls_context(endpoint)
            handshake_s = self._timeout_s * _HANDSHAKE_SHARE
            try:
                reader, writer = await asyncio.open_connection(
                    endpoint.host,
                    endpoint.port,
                    ssl=context,
                    server_hostname=endpoint.host if context else None,
                    ssl_handshake_timeout=handshake_s if context else None,
                )
            except ConnectionAbortedError as error:
                raise TargetUnreachable(
                    f"{endpoint} took the connection, but the TLS handshake got no answer within "
                    f"{handshake_s:g} s: is it really an https address?"
                ) from error
            self._open = _Open(reader, writer)
        return self._open

    async def close(self) -> None:
        """Close the connection."""
        connection, self._open = self._open, None
        if connection is not None:
            connection.writer.close()
