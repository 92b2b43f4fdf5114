"""A gateway: the process (or thread) that speaks HTTP."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from fraud_platform.errors import LinkError
from fraud_platform.gateway.admission import Admission
from fraud_platform.gateway.core_client import CoreClient
from fraud_platform.gateway.core_disturber import CoreDisturber
from fraud_platform.gateway.door import Door
from fraud_platform.gateway.reads import StoreReads
from fraud_platform.gateway.service import Service
from fraud_platform.wire.currencies import current_currencies
from fraud_platform.wire.validation import Validator

log = logging.getLogger(__name__)

_DRAIN_S = 10.0
_FIGURES_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """How a gateway runs. ``queue_limit`` is its part of the platform's."""

    data_dir: Path
    core_address: str
    queue_limit: int
    shares_core: bool = False
    """Whether it lives in the core's process."""
    allow_disturbance: bool = False


def run_gateway(
    options: GatewayOptions, listener: socket.socket, ready: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is called once requests are answered."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options, listener, ready))


async def _serve(
    options: GatewayOptions, listener: socket.socket, ready: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    answers: dict[int, int] = {}
    admission = Admission(options.queue_limit)
    reads = StoreReads(options.data_dir)

    def own_figures() -> dict[str, Any]:
        return {
            "busy_s": time.thread_time(),
            "shares_core": options.shares_core,
            "connections": len(service.connections),
            "serving": door.serving,
            "queue": {
                "depth": admission.depth,
                "depth_max": admission.depth_max,
                "depth_recent": admission.recent_max(time.monotonic()),
                "limit": admission.depth_limit,
                "shed": admission.shed,
            },
            "answers": answers,
            "answered": sum(answers.values()),
            "latency": core.latency.counts,
        }

    core = CoreClient(options.core_address, admission, reads, own_figures)
    await core.connect()
    disturber = CoreDisturber(core) if options.allow_disturbance else None
    service = Service(core, reads, Validator(current_currencies()), answers, disturber=disturber)
    door = Door(service, listener)
    core.on_release, core.on_leave = door.release, door.leave
    await door.open()
    reporting = loop.create_task(_report(core))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    ready()
    await stop.wait()
    door.close()
    service.drain()
    deadline = loop.time() + _DRAIN_S
    while service.connections and loop.time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    for connection in list(service.connections):
        connection.abort()
    reporting.cancel()
    core.close()
    reads.close()


async def _report(core: CoreClient) -> None:
    """Tell the core our figures and hear the platform's, once a second."""
    while True:
        try:
            await core.figures()
        except LinkError as error:
            log.debug("%s", error)
        await asyncio.sleep(_FIGURES_EVERY_S)
