from __future__ import annotations

import asyncio
import time

import pytest
from tests.targets.servers import http_server, response, tcp_server

from squall.errors import TargetUnreachable
from squall.load_generator.target_spec import Endpoint
from squall.probes.query_lines import QueryLines


def lines_to(port: int, connections: int) -> QueryLines:
    return QueryLines(Endpoint("127.0.0.1", port), connections)


async def test_more_queries_than_connections_wait_for_one() -> None:
    asked: list[str] = []

    def respond(path: str, _: dict[str, str]) -> bytes:
        asked.append(path)
        return response(200 if path.endswith("0") else 404, b"{}")

    async with http_server(respond) as port:
        lines = lines_to(port, 2)
        await lines.open()
        paths = [f"/v1/customers/{n}" for n in range(20)]
        lines.ask(paths, time.monotonic())
        await lines.settle(10.0)
    assert sorted(asked) == sorted(paths)
    assert (lines.asked, lines.found, lines.unknown, lines.failed) == (20, 2, 18, 0)
    assert (lines.under_way, lines.under_way_max) == (0, 20)
    assert lines.latencies().total == 20


async def test_time_runs_from_when_a_query_was_due() -> None:
    async with http_server(lambda _path, _fields: response(200, b"{}")) as port:
        lines = lines_to(port, 1)
        await lines.open()
        lines.ask(["/a"], time.monotonic() - 5.0)
        await lines.settle(10.0)
    p50 = lines.latencies().percentiles_ms().p50
    assert p50 is not None
    assert p50 >= 5_000


@pytest.mark.parametrize("status", [500, 503, 302])
async def test_other_answers_are_failures(status: int) -> None:
    async with http_server(lambda _path, _fields: response(status)) as port:
        lines = lines_to(port, 1)
        await lines.open()
        lines.ask(["/a", "/b"], time.monotonic())
        await lines.settle(10.0)
    assert (lines.failed, lines.latencies().total, lines.tps_max) == (2, 0, 0)


async def test_broken_connections_fail_their_query_and_are_replaced() -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        broken = connections == 1
        while await reader.readuntil(b"\r\n\r\n"):
            if broken:
                return
            writer.write(response(200, b"{}"))

    async with tcp_server(handler) as port:
        lines = lines_to(port, 1)
        await lines.open()
        lines.ask(["/a", "/b", "/c"], time.monotonic())
        await lines.settle(10.0)
    assert (lines.failed, lines.found, connections) == (1, 2, 2)


async def test_one_answer_per_connection_is_enough() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response(200, b"{}", "Connection: close"))
        await writer.drain()
        writer.close()

    async with tcp_server(handler) as port:
        lines = lines_to(port, 2)
        await lines.open()
        lines.ask(["/a"] * 6, time.monotonic())
        await lines.settle(10.0)
    assert (lines.found, lines.failed) == (6, 0)


async def test_answers_that_do_not_come_have_failed() -> None:
    async def handler(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with tcp_server(handler) as port:
        lines = lines_to(port, 1)
        await lines.open()
        lines.ask(["/a", "/b"], time.monotonic())
        await lines.settle(0.05)
    assert (lines.failed, lines.under_way) == (2, 0)


async def test_garbage_is_a_failure() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"220 mail.example ESMTP\r\n")

    async with tcp_server(handler) as port:
        lines = lines_to(port, 1)
        await lines.open()
        lines.ask(["/a"], time.monotonic())
        await lines.settle(10.0)
    assert (lines.failed, lines.found) == (1, 0)


async def test_nothing_there_is_said() -> None:
    async with tcp_server(lambda _reader, _writer: asyncio.sleep(0)) as port:
        pass
    with pytest.raises(TargetUnreachable, match="nothing listens"):
        await lines_to(port, 3).open()
