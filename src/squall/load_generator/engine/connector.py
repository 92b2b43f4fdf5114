"""Opens connections and replaces those that end, without a storm."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from squall.errors import TargetUnreachable
from squall.load_generator.target_spec import Endpoint

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 1.0
CONNECT_TIMEOUT_S = 10.0
OPEN_ALL_DEADLINE_S = 50.0
"""For all connections of a worker; what it has to do afterwards takes a few seconds."""

MakeConnection = Callable[[], asyncio.BaseProtocol]
_OPENING_AT_ONCE = 64


def tls_context(endpoint: Endpoint) -> ssl.SSLContext | None:
    """The TLS settings of an endpoint; None for plain TCP."""
    if not endpoint.tls:
        return None
    context = ssl.create_default_context(cafile=endpoint.ca_file)
    context.set_alpn_protocols(["http/1.1"])
    if not endpoint.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def describe_connect_error(endpoint: Endpoint, error: Exception) -> str:
    """One line: what failed and what to look at."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"TLS to {endpoint}: {error.verify_message}; give the certificate authority as "
            "tls.ca_file in the target file, or set tls.verify: false for a test system"
        )
    if isinstance(error, ssl.SSLError):
        return f"TLS to {endpoint}: {error.reason or error}; is it really an https address?"
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens at {endpoint}: start the target or correct the address"
    if isinstance(error, TimeoutError):
        return f"{endpoint} did not take a connection within {CONNECT_TIMEOUT_S:g} s"
    return f"cannot connect to {endpoint}: {error}"


class Connector:
    """Keeps ``count`` connections open until closed."""

    def __init__(self, endpoint: Endpoint, count: int) -> None:
        self._endpoint = endpoint
        self._count = count
        self._tls = tls_context(endpoint)
        self._wait_s = FIRST_WAIT_S
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._opened = 0
        self.last_error: Exception | None = None
        """Why the latest attempt failed; None after a success."""

    async def open_all(self, make: MakeConnection) -> None:
        """Open every connection; one that fails is tried again in the background.

        Raises:
            TargetUnreachable: the first one could not be opened, or not every one was tried in
                time.
        """
        try:
            await self._open(make)
        except (OSError, TimeoutError) as error:
            raise TargetUnreachable(describe_connect_error(self._endpoint, error)) from error
        try:
            async with asyncio.timeout(OPEN_ALL_DEADLINE_S):
                await self._open_others(make)
        except TimeoutError as error:
            raise TargetUnreachable(self._describe_shortage()) from error

    async def _open_others(self, make: MakeConnection) -> None:
        left = self._count - 1
        while left > 0:
            group = min(left, _OPENING_AT_ONCE)
            results = await asyncio.gather(
                *(self._open(make) for _ in range(group)), return_exceptions=True
            )
            left -= group
            for result in results:
                if isinstance(result, Exception):
                    self.last_error = result
                    self.replace(make)

    def _describe_shortage(self) -> str:
        error = self.last_error
        last = "" if error is None else f" (last: {describe_connect_error(self._endpoint, error)})"
        return (
            f"{self._opened:,} of {self._count:,} connections to {self._endpoint} opened within "
            f"{OPEN_ALL_DEADLINE_S:g} s{last}: fewer client.connections, or let the target take "
            f"more"
        )

    async def _open(self, make: MakeConnection) -> None:
        loop = asyncio.get_running_loop()
        endpoint = self._endpoint
        await asyncio.wait_for(
            loop.create_connection(
                make,
                endpoint.host,
                endpoint.port,
                ssl=self._tls,
                server_hostname=endpoint.host if endpoint.tls else None,
            ),
            CONNECT_TIMEOUT_S,
        )
        self._opened += 1

    def replace(self, make: MakeConnection, at_once: bool = False) -> None:
        """Open one more connection in the background, with growing waits while it fails.

        ``at_once``: the old one ended as HTTP ends one, so the first attempt need not wait.
        """
        if self._closed:
            return
        task = asyncio.get_running_loop().create_task(
            self._replace(make, 0.0 if at_once else FIRST_WAIT_S)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _replace(self, make: MakeConnection, wait_s: float) -> None:
        while not self._closed:
            if wait_s:
                await asyncio.sleep(wait_s)
            try:
                await self._open(make)
            except (OSError, TimeoutError) as error:
                self.last_error = error
                wait_s = min(max(wait_s * 2, FIRST_WAIT_S), LONGEST_WAIT_S)
            else:
                self.last_error = None
                return

    def close(self) -> None:
        """Open no more."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
