"""A gateway's door on a real port that another listener shares."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import cast

import pytest
from tests.fraud_platform.platform_process import Client

from fraud_platform.gateway.door import Door
from fraud_platform.gateway.http import HttpConnection, Reply
from fraud_platform.gateway.service import Service
from fraud_platform.serving import bind


class Answering:
    """As much of a service as a door needs."""

    def __init__(self, name: str) -> None:
        self.name = name.encode()
        self.connections: set[HttpConnection] = set()
        self.to_release = 0
        self.tasks: list[asyncio.Task[None]] = []

    def handle(self, method: bytes, target: bytes, body: bytes, reply: Reply) -> None:
        reply.send(200, self.name)

    def body_limit(self, target: bytes) -> int:
        return 1000

    def opened(self, connection: HttpConnection) -> None:
        self.connections.add(connection)

    def closed(self, connection: HttpConnection) -> None:
        self.connections.discard(connection)

    def released(self) -> None:
        self.to_release -= 1

    def keep(self, task: asyncio.Task[None]) -> None:
        self.tasks.append(task)


@dataclass
class Rig:
    port: int
    services: list[Answering]
    doors: list[Door]

    async def ask(self, clients: list[Client]) -> tuple[list[bytes], int]:
        """Who answers, and how many connections end with that."""
        answers = [await client.get("/") for client in clients]
        return (
            [answer.body for answer in answers],
            sum(answer.headers.get("connection") == "close" for answer in answers),
        )

    async def clients(self, count: int) -> list[Client]:
        return [await Client.open(self.port) for _ in range(count)]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    listeners = bind("127.0.0.1", 0, 2)
    supervisors = [listener.dup() for listener in listeners]  # the supervisor keeps them open
    services = [Answering(name) for name in ("a", "b")]
    doors = [
        Door(cast(Service, service), listener)
        for service, listener in zip(services, listeners, strict=True)
    ]
    for door in doors:
        await door.open()
    yield Rig(listeners[0].getsockname()[1], services, doors)
    for door in doors:
        door.close()
    for service in services:
        for connection in list(service.connections):
            connection.abort()
    for one in (*listeners, *supervisors):
        one.close()


async def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_one_goes_out_of_service_and_comes_back(rig: Rig) -> None:
    clients = await rig.clients(40)
    answers, ended = await rig.ask(clients)
    assert set(answers) == {b"a", b"b"}
    assert ended == 0
    rig.doors[0].leave(60.0)
    assert not rig.doors[0].serving
    again, ended = await rig.ask(clients)
    assert again == answers  # everybody is answered where they are
    assert ended == answers.count(b"a")
    await until(lambda: not rig.services[0].connections)
    answers, ended = await rig.ask(await rig.clients(30))
    assert (set(answers), ended) == ({b"b"}, 0)
    rig.doors[0].leave(0.0)
    await until(lambda: rig.doors[0].serving)
    answers, ended = await rig.ask(await rig.clients(60))
    assert set(answers) == {b"a", b"b"}
    assert ended == 0


async def test_it_comes_back_by_itself(rig: Rig) -> None:
    rig.doors[0].leave(60.0)
    rig.doors[0].leave(0.05)  # a renewal counts from now
    await until(lambda: rig.doors[0].serving)
    answers, _ = await rig.ask(await rig.clients(60))
    assert set(answers) == {b"a", b"b"}


async def test_so_many_connections_are_let_go(rig: Rig) -> None:
    clients = await rig.clients(40)
    answers, _ = await rig.ask(clients)
    rig.doors[0].release(5)
    _, ended = await rig.ask(clients)
    assert ended == 5
    assert len(rig.services[0].connections) <= answers.count(b"a")
    rig.doors[1].release(10_000)
    assert rig.services[1].to_release == answers.count(b"b")  # no more than there are


def test_a_port_shared_by_two_is_one_port() -> None:
    first, second = bind("127.0.0.1", 0, 2)
    assert first.getsockname() == second.getsockname()
    assert first.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
    first.close()
    second.close()
