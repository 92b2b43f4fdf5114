"""A worker makes blocks ahead in its idle time, and whole and when needed where it has none."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from squall.load_generator import LoadPlan
from squall.load_generator.engine.blocks import BLOCK_ROWS
from squall.load_generator.engine.session import WorkerSession
from squall.load_generator.messages import Assignment, Report
from squall.load_generator.target_spec import Endpoint, Reading, pack_end
from squall.models import (
    ArrivalProcess,
    ClientSpec,
    Counts,
    Expected,
    Label,
    Outcome,
    TransactionBatch,
    run_stages,
)
from squall.models.load_spec import SustainedSpec

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
DEADLINE_S = 30


@dataclass
class Source:
    """Its own specification; counts the batches that were begun."""

    available_fields: frozenset[str] = frozenset()
    amounts_known: bool = True
    begun: int = 0

    def build(self, run_tag: str, fields: frozenset[str] | None = None) -> "Source":
        return self

    def stages(self, indices: NDArray[np.int64]) -> Generator[None, None, TransactionBatch]:
        self.begun += 1
        yield
        count = len(indices)
        zeros = np.zeros(count, np.uint8)
        return TransactionBatch(
            index=indices,
            wire_index=indices,
            columns={},
            label=np.full(count, Label.LEGITIMATE, np.uint8),
            typology=zeros,
            edge_case=zeros,
            expected=np.full(count, Expected.DECIDED, np.uint8),
            amount_minor=np.full(count, 100, np.int64),
            value_usd=np.ones(count),
        )

    def batch(self, indices: NDArray[np.int64]) -> TransactionBatch:
        return run_stages(self, indices)


class Writer:
    """A request is its number and a line's end."""

    def write(self, batch: TransactionBatch) -> list[bytes | memoryview]:
        return [b"%d\n" % index for index in batch.index.tolist()]


class Reader:
    """Every answer accepts."""

    def read(self, status: int, body: bytes) -> Reading:
        return Reading(Outcome.ACCEPTED)

    def quick(self, status: int, body: bytes, wire_id: str) -> int:
        return pack_end(Outcome.ACCEPTED)


@dataclass(frozen=True)
class Target:
    """A line server."""

    endpoint: Endpoint
    fields: frozenset[str] = frozenset()

    def writer(self) -> Writer:
        return Writer()

    def reader(self) -> Reader:
        return Reader()


@dataclass
class Server:
    """Answers every line at once; ``enough`` is set at request ``goal``."""

    goal: int
    port: int = 0
    numbers: list[int] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self.numbers.append(int(line))
            writer.write(ANSWER)
            if len(self.numbers) == self.goal:
                self.enough.set()
        writer.close()


@asynccontextmanager
async def serving(goal: int) -> AsyncIterator[Server]:
    server = Server(goal)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


def plan(source: Source, port: int) -> LoadPlan:
    """Far more than one connection can take, so that it is always behind."""
    return LoadPlan(
        run_tag="plaintag",
        seed=1,
        load=SustainedSpec(type="sustained", rate_tps=200_000, duration_s=DEADLINE_S),
        arrivals=ArrivalProcess.EVEN,
        source=source,
        target=Target(Endpoint("127.0.0.1", port)),
        client=ClientSpec(connections=1, queue_limit=100_000_000),
        workers=1,
        drain_s=0.0,
    )


async def load(source: Source, worked: Callable[[], float]) -> tuple[int, Server, list[Report]]:
    """Send into the third block; batches begun since the start, what arrived, the reports."""
    reports: list[Report] = []
    async with asyncio.timeout(DEADLINE_S), serving(2 * BLOCK_ROWS + 1) as server:
        session = WorkerSession(Assignment(plan(source, server.port), 0), reports.append, worked)
        try:
            await session.prepare()
            before = source.begun
            running = asyncio.ensure_future(session.run(time.monotonic()))
            await server.enough.wait()
            begun = source.begun - before
            session.abort()
            await running
        finally:
            gc.enable()
            gc.unfreeze()
    return begun, server, reports


@pytest.mark.parametrize(
    ("worked", "made_ahead"),
    [(time.monotonic, False), (lambda: 0.0, True)],
    ids=["never rests", "rests"],
)
async def test_blocks_are_made_ahead_only_in_idle_time(
    worked: Callable[[], float], made_ahead: bool
) -> None:
    begun, server, reports = await load(Source(), worked)
    assert (begun > 0) is made_ahead
    assert server.numbers == list(range(len(server.numbers)))
    counts = sum((report.interval.counts for report in reports), Counts())
    assert counts.resolved == counts.planned
    assert counts.accepted + counts.indeterminate == counts.attempts
    assert counts.accepted >= 2 * BLOCK_ROWS
