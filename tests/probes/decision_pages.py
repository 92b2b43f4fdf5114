"""A decision log over HTTP, page by page, for tests of what reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from squall.models import Accounting, TransactionSource
from squall.probes.probe import ConcludedLoad

RUN_TAG = "runtag01"
ServeRows = Callable[[list[dict[str, Any]]], Awaitable[str]]
"""Serves rows as a platform's log; its URL."""


class NoSource:
    """For probes that do not look at what the load was made from."""

    available_fields: frozenset[str] = frozenset()
    amounts_known: bool = False

    def build(self, run_tag: str, fields: frozenset[str] | None = None) -> TransactionSource:
        raise NotImplementedError


def row(number: int, **changes: Any) -> dict[str, Any]:
    """One whole decision as the platform lists it."""
    document = {
        "transaction_id": f"r-{number:012d}",
        "decision": "APPROVE",
        "risk_score": 0.03,
        "confidence": 0.97,
        "reason_codes": ["R00"],
        "reasons": {"R00": "nothing found"},
        "explanation": "Approved at a risk of 0.03. The agents agreed.",
        "amount": 1250,
        "arrived_s": 1_780_000_000.0 + number / 100,
        "decided_s": 1_780_000_000.2 + number / 100,
    }
    return {**document, **changes}


def loaded(seen: int) -> ConcludedLoad:
    """A load whose final read saw so many decisions."""
    accounting = Accounting(
        planned=seen, accepted=seen, rejected=0, indeterminate=0, not_sent=0, seen=seen
    )
    return ConcludedLoad(RUN_TAG, accounting, NoSource(), 1_780_000_000.0, 60.0)


@pytest.fixture
async def serve_rows() -> AsyncIterator[ServeRows]:
    """Serves as the platform does, a hundred rows a page."""
    servers: list[asyncio.Server] = []

    async def serve(rows: list[dict[str, Any]]) -> str:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode()
                    asked = parse_qs(head.split(" ")[1].partition("?")[2])
                    assert asked["run"] == [RUN_TAG]
                    assert asked["details"] == ["1"]
                    start = int(asked["cursor"][0])
                    end = min(len(rows), start + 100)
                    following = None if end == len(rows) else end
                    body = orjson.dumps({"items": rows[start:end], "next_cursor": following})
                    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                    writer.write(answer.encode() + body)
            except asyncio.IncompleteReadError:
                writer.close()

        servers.append(await asyncio.start_server(connected, "127.0.0.1", 0))
        return f"http://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}"

    yield serve
    for server in servers:
        server.close()
