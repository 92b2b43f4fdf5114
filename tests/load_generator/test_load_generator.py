"""The load generator on real worker processes against real servers."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
import pytest

from squall.errors import TargetUnreachable, WorkerFailure
from squall.load_generator import LoadGenerator, LoadPlan, without_final_read
from squall.load_generator.transactions import FactorySpec
from squall.models import (
    FIELDS,
    Accounting,
    ArrivalProcess,
    ClientSpec,
    Counts,
    GeneratorHealth,
    Interval,
    LatencyHistogram,
    Mix,
    RetryPolicy,
    Truth,
)
from squall.models.load_spec import LoadSpec, SustainedSpec
from squall.targets import HttpTarget, TargetFile

RUN_TAG = "testrun0"
DEADLINE_S = 40


@dataclass
class Request:
    """One request as the test's server saw it."""

    head: bytes
    body: bytes

    @property
    def wire_id(self) -> str:
        return str(orjson.loads(self.body)["transaction_id"])


Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[bool]]


@dataclass
class Server:
    """A scripted HTTP server; ``answer`` writes the reply and says whether to go on."""

    answer: Answer
    port: int = 0
    requests: list[Request] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                request = Request(head, await reader.readexactly(length))
                self.requests.append(request)
                if not await self.answer(request, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Server]:
    server = Server(answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


def reply(writer: asyncio.StreamWriter, status: int, body: bytes, extra: bytes = b"") -> None:
    writer.write(
        b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n%b" % (status, extra, len(body), body)
    )


def decision(request: Request) -> bytes:
    return b'{"transaction_id":"%b","decision":"APPROVE","risk_score":0.1250}' % (
        request.wire_id.encode()
    )


async def approve(request: Request, writer: asyncio.StreamWriter) -> bool:
    reply(writer, 200, decision(request))
    return True


@dataclass
class Run:
    """What a finished run measured."""

    generator: LoadGenerator
    counts: Counts
    truth: Truth
    errors: Counter[str]
    retried: Counter[str]
    response: LatencyHistogram
    health: list[GeneratorHealth]
    accounting: Accounting


def plan(
    port: int,
    load: LoadSpec | None = None,
    workers: int = 1,
    scheme: str = "http",
    **client: object,
) -> LoadPlan:
    file = TargetFile.model_validate(
        {
            "name": "scripted",
            "url": f"{scheme}://127.0.0.1:{port}",
            "request": {"path": "/pay", "headers": {"Idempotency-Key": "${transaction_id}"}},
            "answer": {
                "accepted_statuses": [200],
                "id": "transaction_id",
                "decision": "decision",
                "decisions": {"approve": ["APPROVE"]},
                "score": "risk_score",
            },
        }
    )
    return LoadPlan(
        run_tag=RUN_TAG,
        seed=11,
        load=load or SustainedSpec(type="sustained", rate_tps=300, duration_s=2),
        arrivals=ArrivalProcess.EVEN,
        source=FactorySpec(seed=11, planned=600, epoch_s=1.79e9, mix=Mix(0.2, 0.0)),
        target=HttpTarget(file, FIELDS).spec,
        client=ClientSpec.model_validate({"connections": 8, **client}),
        workers=workers,
        drain_s=3,
    )


async def run(
    load_plan: LoadPlan,
    during: Callable[[LoadGenerator, Interval], Awaitable[None]] | None = None,
    make: Callable[[LoadPlan], LoadGenerator] = LoadGenerator,
) -> Run:
    generator = make(load_plan)
    counts, truth = Counts(), Truth()
    errors, retried = Counter[str](), Counter[str]()
    response, health = LatencyHistogram(), []
    try:
        async with asyncio.timeout(DEADLINE_S):
            await generator.prepare()
            async for interval in generator.run():
                counts, truth = counts + interval.counts, truth + interval.truth
                errors.update(interval.errors)
                retried.update(interval.retried)
                response.merge(interval.response)
                health.append(interval.health)
                if during is not None:
                    await during(generator, interval)
        accounting = without_final_read(generator.ledger, counts, RUN_TAG, "not read")
        assert accounting.balanced
        assert counts.planned == accounting.planned
        assert counts.resolved == counts.planned
        assert counts.errors == errors.total()
        return Run(generator, counts, truth, errors, retried, response, health, accounting)
    finally:
        await generator.close()


@pytest.mark.parametrize("workers", [1, 2])
async def test_every_transaction_is_sent_once_and_decided(workers: int) -> None:
    async with serving(approve) as server:
        result = await run(plan(server.port, workers=workers))
    assert result.counts.accepted == 600
    assert result.counts.attempts == 600
    assert sorted(r.wire_id for r in server.requests) == [f"{RUN_TAG}-{i:012d}" for i in range(600)]
    assert int(result.truth.decisions.sum()) == 600
    assert int(result.truth.scores.sum()) == 600
    assert int(result.truth.decisions[1:].sum()) == 120
    assert result.response.total == 600


async def test_the_same_seed_sends_the_same_whatever_the_workers() -> None:
    bodies = []
    for workers in (1, 2):
        async with serving(approve) as server:
            await run(plan(server.port, workers=workers))
        bodies.append(sorted(request.body for request in server.requests))
    assert bodies[0] == bodies[1]


async def test_four_ends_and_their_kinds() -> None:
    async def mixed(request: Request, writer: asyncio.StreamWriter) -> bool:
        match int(request.wire_id[-1]):
            case 0:
                reply(writer, 422, b'{"error":{}}')
            case 1:
                reply(writer, 500, b"oops")
            case 2:
                return False
            case 3:
                reply(writer, 200, b"not json")
            case 4:
                reply(writer, 200, b'{"transaction_id":"another","decision":"APPROVE"}')
            case 5:
                reply(writer, 200, decision(request).replace(b"APPROVE", b"PERHAPS"))
            case _:
                reply(writer, 200, decision(request))
        return True

    async with serving(mixed) as server:
        result = await run(plan(server.port))
    assert result.counts.rejected == 60
    assert result.counts.accepted == 240
    assert result.counts.indeterminate == 300
    assert result.errors == {
        "http_422": 60,
        "http_500": 60,
        "connection_closed": 60,
        "answer_not_json": 60,
        "answer_without_score": 60,
        "unknown_decision": 60,
    }


async def test_timeouts_are_indeterminate_and_the_connection_is_replaced() -> None:
    async def sometimes_silent(request: Request, writer: asyncio.StreamWriter) -> bool:
        if request.wire_id.endswith("50"):
            return True
        return await approve(request, writer)

    async with serving(sometimes_silent) as server:
        result = await run(plan(server.port, timeout_s=0.5))
    assert result.errors == {"timeout": 6}
    assert result.counts.accepted == 594
    assert result.accounting.unresolved_ids == tuple(
        f"{RUN_TAG}-{i:012d}" for i in range(50, 600, 100)
    )


async def test_refusals_are_retried_with_the_same_key_and_body() -> None:
    seen: Counter[str] = Counter()

    async def busy_at_first(request: Request, writer: asyncio.StreamWriter) -> bool:
        seen[request.wire_id] += 1
        if request.wire_id.endswith("7") and seen[request.wire_id] < 3:
            reply(writer, 503, b"{}", b"Retry-After: 0\r\n")
        else:
            reply(writer, 200, decision(request))
        return True

    retry = RetryPolicy(max_attempts=3, base_ms=5).model_dump()
    async with serving(busy_at_first) as server:
        result = await run(plan(server.port, retry=retry))
    assert result.counts.accepted == 600
    assert result.counts.attempts == 600 + 2 * 60
    assert result.retried == {"http_503": 2 * 60}
    by_id: dict[str, set[bytes]] = {}
    for request in server.requests:
        assert f"Idempotency-Key: {request.wire_id}".encode() in request.head
        by_id.setdefault(request.wire_id, set()).add(request.body)
    assert all(len(bodies) == 1 for bodies in by_id.values())


async def test_retries_that_run_out_are_refusals() -> None:
    async def refuse(request: Request, writer: asyncio.StreamWriter) -> bool:
        reply(writer, 503, b"{}")
        return True

    retry = RetryPolicy(max_attempts=2, base_ms=1).model_dump()
    async with serving(refuse) as server:
        result = await run(plan(server.port, retry=retry))
    assert result.errors == {"http_503": 600}
    assert (result.counts.rejected, result.counts.attempts) == (600, 1200)
    assert result.retried == {"http_503": 600}


async def test_past_the_queue_bound_the_newest_are_not_sent() -> None:
    gate = asyncio.Event()

    async def wait(request: Request, writer: asyncio.StreamWriter) -> bool:
        await gate.wait()
        return await approve(request, writer)

    async def open_late(_: LoadGenerator, interval: Interval) -> None:
        if interval.end_s > 1.5:
            gate.set()

    async with serving(wait) as server:
        result = await run(plan(server.port, queue_limit=100), open_late)
    assert result.errors["queue_full"] == result.counts.not_sent > 100
    assert result.counts.accepted + result.counts.not_sent == 600
    assert any(health.queue_depth == 100 for health in result.health)
    assert result.response.percentiles_ms().max is not None


async def test_pause_resume_and_a_live_rate_lose_and_repeat_nothing() -> None:
    steps = iter(("pause", "resume", "double", "none"))
    waiting = {"pause": 0.4, "resume": 0.9, "double": 1.2, "none": 1e9}
    step = next(steps)

    async def steer(generator: LoadGenerator, interval: Interval) -> None:
        nonlocal step
        if interval.end_s < waiting[step]:
            return
        if step == "pause":
            await generator.pause()
        elif step == "resume":
            await generator.resume()
        elif step == "double":
            await generator.set_multiplier(2)
        step = next(steps)

    async with serving(approve) as server:
        result = await run(plan(server.port, workers=2), steer)
    indices = sorted(int(request.wire_id[-12:]) for request in server.requests)
    assert indices == list(range(result.counts.planned))
    assert 700 < result.counts.planned < 1200


async def test_stop_ends_the_schedule_and_drains() -> None:
    async def stop(generator: LoadGenerator, interval: Interval) -> None:
        if interval.end_s > 0.5 and generator.controller.end_s > 1.5:
            await generator.stop()

    async with serving(approve) as server:
        result = await run(plan(server.port), stop)
    assert result.counts.accepted == result.counts.planned == len(server.requests)
    assert 150 <= result.counts.planned < 500


async def test_abort_settles_what_is_in_flight_as_unknown() -> None:
    async def never(request: Request, writer: asyncio.StreamWriter) -> bool:
        return True

    async def abort(generator: LoadGenerator, interval: Interval) -> None:
        if interval.end_s > 0.5 and generator.workers_alive:
            await generator.abort()

    async with serving(never) as server:
        result = await run(plan(server.port), abort)
    assert result.counts.indeterminate == 8
    assert result.errors["run_aborted"] == 8
    assert result.counts.not_sent == result.counts.planned - 8


async def tripled(generator: LoadGenerator) -> None:
    await generator.set_multiplier(3)


async def paused_and_resumed(generator: LoadGenerator) -> None:
    await generator.pause()
    await generator.resume()


async def test_a_killed_worker_is_noticed_and_accounted() -> None:
    async def kill_one(generator: LoadGenerator, interval: Interval) -> None:
        if interval.end_s > 0.6 and not generator.lost_workers and not killed:
            killed.append(generator.process_ids[1])
            os.kill(killed[0], signal.SIGKILL)

    killed: list[int] = []
    async with serving(approve) as server:
        result = await run(plan(server.port, workers=2), kill_one)
    (lost,) = result.generator.lost_workers
    assert lost.worker == 1
    assert result.counts.planned == 600
    assert result.counts.not_sent > 100
    sent = {int(request.wire_id[-12:]) for request in server.requests}
    indeterminate = {int(wire_id[-12:]) for wire_id in result.accounting.unresolved_ids}
    assert sent <= indeterminate | {
        i for i in range(600) if i % 2 == 0 or i < 2 * (300 - result.counts.not_sent)
    }
    assert len(sent) <= result.counts.accepted + result.counts.indeterminate


@pytest.mark.parametrize("control", [LoadGenerator.stop, tripled, paused_and_resumed])
async def test_a_killed_workers_share_follows_the_controls(
    control: Callable[[LoadGenerator], Awaitable[None]],
) -> None:
    killed: list[int] = []
    given: list[bool] = []

    async def kill_then_control(generator: LoadGenerator, interval: Interval) -> None:
        if interval.end_s > 0.3 and not killed:
            killed.append(generator.process_ids[1])
            os.kill(killed[0], signal.SIGKILL)
        elif generator.lost_workers and not given:
            given.append(True)
            await control(generator)

    async with serving(approve) as server:
        load = SustainedSpec(type="sustained", rate_tps=300, duration_s=3)
        result = await run(plan(server.port, load, workers=2), kill_then_control)
    total = result.generator.controller.total_at_end()
    assert given == [True]
    assert (total == 900) is (control is paused_and_resumed)
    assert result.counts.planned == total
    (lost,) = result.generator.lost_workers
    assert result.counts.indeterminate == lost.indeterminate
    assert result.counts.not_sent == result.errors["worker_lost"] - lost.indeterminate


async def test_all_workers_killed_is_a_failure_that_keeps_the_ledger() -> None:
    killed: list[int] = []

    async def load(generator: LoadGenerator) -> None:
        async for interval in generator.run():
            if interval.end_s > 0.5 and not killed:
                killed.append(generator.process_ids[0])
                os.kill(killed[0], signal.SIGKILL)

    async with serving(approve) as server:
        generator = LoadGenerator(plan(server.port))
        try:
            await generator.prepare()
            with pytest.raises(WorkerFailure, match="every load worker died"):
                await load(generator)
        finally:
            await generator.close()
    generator.ledger.check_balance()
    assert generator.ledger.planned == 600


async def test_nothing_listens() -> None:
    async with serving(approve) as server:
        port = server.port
    generator = LoadGenerator(plan(port))
    try:
        with pytest.raises(TargetUnreachable, match=f"nothing listens at 127.0.0.1:{port}"):
            await generator.prepare()
    finally:
        await generator.close()


async def test_a_target_that_dies_is_accounted_for() -> None:
    listening: list[asyncio.Server] = []
    writers: list[asyncio.StreamWriter] = []
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        server = Server(approve)
        server.requests = requests
        await server.serve(reader, writer)

    requests: list[Request] = []
    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    listening.append(listener)

    async def die(_: LoadGenerator, interval: Interval) -> None:
        if interval.end_s > 0.7 and listening:
            listening.pop().close()
            for writer in writers:
                writer.transport.abort()

    result = await run(plan(listener.sockets[0].getsockname()[1]), die)
    seen.extend(request.wire_id for request in requests)
    assert result.counts.not_sent > 200
    assert len(seen) == len(set(seen))
    assert result.counts.accepted <= len(seen)
    assert result.counts.accepted + result.counts.indeterminate >= len(seen)
    assert set(result.errors) <= {
        "connection_reset",
        "connection_closed",
        "not_sent_drain_ended",
        "drain_ended",
    }
