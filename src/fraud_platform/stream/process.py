"""A gateway in stream mode: the process that speaks HTTP and both streams."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import uvloop

from fraud_platform.errors import StoreError
from fraud_platform.gateway.admission import Admission
from fraud_platform.gateway.http import HttpConnection
from fraud_platform.stream.adapters.coordination_table import DynamoBoard
from fraud_platform.stream.adapters.disturbance_table import DynamoDisturbances
from fraud_platform.stream.adapters.dynamodb import Tables
from fraud_platform.stream.adapters.streams import (
    Failed,
    Outgoing,
    Stored,
    kinesis_wire,
    put_records,
)
from fraud_platform.stream.autoscaler import Autoscaler
from fraud_platform.stream.backoff import PatiencePerCall
from fraud_platform.stream.client import Decided, StreamClient, read_decided
from fraud_platform.stream.disturbances import TableDisturber
from fraud_platform.stream.envelope import LANES, PACK_LIMIT
from fraud_platform.stream.lanes import SENDERS, LanePutter
from fraud_platform.stream.names import ResourceNames
from fraud_platform.stream.overview import Overview
from fraud_platform.stream.reads import StreamReads
from fraud_platform.stream.scaling import ScalingLimits
from fraud_platform.stream.service import StreamService
from fraud_platform.stream.session import AwsSession
from fraud_platform.stream.shard_reader import ShardReader, behind_ms
from fraud_platform.wire.currencies import current_currencies
from fraud_platform.wire.validation import Validator

log = logging.getLogger(__name__)

_DRAIN_S = 10.0
_FIGURES_EVERY_S = 2.0
_BACKLOG = 4096
_READ_PATIENCE_S = 8.0
"""How long a read of the tables is tried for a waiting client."""
_SWITCH_S = 0.001


@dataclass(frozen=True, slots=True)
class StreamGatewayOptions:
    """How a gateway runs in stream mode."""

    names: ResourceNames
    region: str | None
    endpoint_url: str | None
    queue_limit: int
    default_wait_s: float = 0.0
    scaling: ScalingLimits | None = None
    """None: somebody else scales."""
    allow_disturbance: bool = False


def run_stream_gateway(
    options: StreamGatewayOptions, listener: socket.socket, ready: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is called once requests are answered."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_Gateway(options).serve(listener, ready))


class _Gateway:
    """Everything that a gateway owns."""

    def __init__(self, options: StreamGatewayOptions) -> None:
        self._options = options
        self._names = options.names
        self._session = AwsSession(options.region, options.endpoint_url)
        self._answers: dict[int, int] = {}
        self._admission = Admission(options.queue_limit, always=LANES * PACK_LIMIT)
        self._name = uuid.uuid4().hex[:12]
        self._cpu_before_s = time.process_time()
        self._scaler: Autoscaler | None = None

    async def serve(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        sys.setswitchinterval(_SWITCH_S)
        patience = PatiencePerCall(_READ_PATIENCE_S)
        tables = Tables(self._session, patience)
        self._kinesis = kinesis_wire(self._session, patience, SENDERS + 8)
        reads = StreamReads(tables, self._names.decision_table, self._names.profile_table)
        self._putter = LanePutter(self._put)
        coordination = self._names.coordination_table
        overview = Overview(
            DynamoBoard(tables, coordination),
            DynamoBoard(tables, coordination, "gateway"),
            self._name,
            self._own_figures,
        )
        self._client = StreamClient(self._putter, self._admission, reads.recorded, overview.figures)
        self._reader = ShardReader(
            self._kinesis,
            self._names.decisions,
            self._take,
            since_s=time.time() - 1.0,
            wanted=lambda: self._client.awaited > 0,
        )
        disturber = None
        if self._options.allow_disturbance:
            disturber = TableDisturber(DynamoDisturbances(tables, coordination))
        service = StreamService(
            self._client, reads, Validator(current_currencies()), self._answers,
            disturber=disturber, default_wait_s=self._options.default_wait_s,
        )  # fmt: skip
        server = await loop.create_server(
            lambda: HttpConnection(service), sock=listener, backlog=_BACKLOG
        )
        tasks = [loop.create_task(self._reader.run()), loop.create_task(_report(self._client))]
        if self._options.scaling is not None:
            self._scaler = Autoscaler(
                self._session, self._names, self._options.scaling, overview.figures,
                self._putter.counters,
            )  # fmt: skip
            tasks.append(loop.create_task(self._scaler.run()))
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        ready()
        await stop.wait()
        server.close()
        service.drain()
        await self._putter.close(_DRAIN_S)
        self._client.close()
        deadline = loop.time() + _DRAIN_S
        while service.connections and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        for connection in list(service.connections):
            connection.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        overview.close()
        reads.close()
        if disturber is not None:
            disturber.close()

    def _put(self, records: Sequence[Outgoing]) -> Sequence[Stored | Failed]:
        return put_records(self._kinesis, self._names.transactions, records, once=True)

    def _take(self, records: Sequence[bytes]) -> None:
        decided: list[Decided | None] = [read_decided(record) for record in records]
        self._client.take(decided)

    def _own_figures(self) -> dict[str, Any]:
        reader, putter = self._reader.counters, self._putter.counters
        return {
            "busy_s": time.process_time() - self._cpu_before_s,
            "shares_core": False,
            "queue": {
                "depth": self._admission.depth,
                "depth_max": self._admission.depth_max,
                "limit": self._admission.depth_limit,
                "shed": self._admission.shed,
            },
            "answers": {str(status): count for status, count in self._answers.items()},
            "latency": dict(self._client.latency.counts),
            "stream": {
                "put": {**asdict(putter), "depth": self._putter.depth},
                "read": {
                    "records": reader.records,
                    "expired_iterators": reader.expired,
                    "failures": reader.failures,
                    "behind_ms": behind_ms(reader),
                },
                "decided": self._client.decided,
                "answered_without_decision": self._client.late,
            },
            **({} if self._scaler is None else self._scaler.figures()),
        }


async def _report(client: StreamClient) -> None:
    """Publish our figures and hear the others', every two seconds."""
    while True:
        try:
            await client.figures()
        except StoreError as error:
            log.debug("%s", error)
        await asyncio.sleep(_FIGURES_EVERY_S)
