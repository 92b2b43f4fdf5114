"""The core: the process (or thread) that decides."""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from fraud_platform.agents.compliance import BlockList
from fraud_platform.agents.coordinator import Coordinator
from fraud_platform.agents.disturbance import Disturbance, DisturbanceBook, DisturbedAgent
from fraud_platform.agents.panel import Panel
from fraud_platform.agents.runner import AgentRunner
from fraud_platform.core.balance import Balancer
from fraud_platform.core.committer import Committer
from fraud_platform.core.control import CoreControl
from fraud_platform.core.engine import Arrival, DecisionEngine
from fraud_platform.core.figures import CoreParts, core_figures
from fraud_platform.core.frames import CONTROL, FIGURES, RELEASE, TRANSACTIONS
from fraud_platform.core.inflight import InFlight
from fraud_platform.core.link import LinkServer
from fraud_platform.errors import UsageError
from fraud_platform.learning.model import LearnedModel
from fraud_platform.monitoring.merging import merged_figures
from fraud_platform.state.features import FeatureExtractor
from fraud_platform.store.reader import DecisionReader
from fraud_platform.store.schema import open_for_reading, open_for_writing
from fraud_platform.store.seen import SeenIds
from fraud_platform.store.writer import DecisionWriter
from fraud_platform.wire.transaction import Transaction

log = logging.getLogger(__name__)

BATCH_LIMIT = 512
"""Most transactions in one micro-batch."""
BATCH_ENOUGH = 64
"""With so many a micro-batch does not wait for more."""
LINGER_S = 0.006
"""How long a transaction waits for others to share its micro-batch."""
_SWITCH_S = 0.001
"""Threads take turns this often: the storage thread must not wait 5 ms for the interpreter."""


@dataclass(frozen=True, slots=True)
class CoreOptions:
    """How the core runs."""

    data_dir: Path
    power_safe: bool = False
    block_list: BlockList | None = None
    disturbances: tuple[Disturbance, ...] = ()
    allow_disturbance: bool = False
    """Whether more of them may be asked for while it runs."""


class Core:
    """Everything the deciding process owns. ``run`` until ``stop``, then ``close``."""

    def __init__(
        self,
        options: CoreOptions,
        model: LearnedModel,
        listener: socket.socket,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._lock = _lock(options.data_dir)
        self._clock = clock
        self._started = clock()
        self._links = LinkServer(listener)
        writer = DecisionWriter(open_for_writing(options.data_dir, power_safe=options.power_safe))
        self._reader = DecisionReader(open_for_reading(options.data_dir))
        in_flight = InFlight(_recover(self._reader))
        self._writer = writer
        self._committer = Committer(writer, in_flight, self._links.answer)
        agents = model.agents(options.block_list)
        book = DisturbanceBook(options.disturbances)
        if options.disturbances or options.allow_disturbance:
            agents = [DisturbedAgent(agent, book) for agent in agents]
        self._control = None
        if options.allow_disturbance:
            self._control = CoreControl(book, self._links, clock)
            log.warning("agents and gateways can be disturbed over HTTP (--allow-disturbance)")
        self._engine = DecisionEngine(
            FeatureExtractor(model.scales),
            Panel([AgentRunner(agent) for agent in agents]),
            Coordinator(model.weights),
            in_flight,
            self._reader,
            self._committer,
        )
        self._balancer = Balancer()
        self._parts = CoreParts(self._engine, self._committer, self._started, self._balancer)
        self._gateways: dict[int, dict[str, Any]] = {}
        self._depth_max = 0
        self._stopping = False

    def run(self) -> None:
        """Decide until told to stop and every gateway has gone."""
        sys.setswitchinterval(_SWITCH_S)
        gc.collect()
        gc.freeze()
        gc.disable()  # profiles live long and hold no cycles: a full pass would only cost pauses
        arrivals: list[Arrival] = []
        oldest = 0.0
        while not (self._stopping and not len(self._links) and not arrivals):
            timeout = max(0.0, oldest + LINGER_S - self._clock()) if arrivals else None
            if self._stopping and timeout is None:
                timeout = 0.05
            messages = self._links.wait(timeout)
            if messages:
                if not arrivals:
                    oldest = self._clock()
                for number, message in messages:
                    self._take(number, message, arrivals)
            while len(arrivals) >= BATCH_ENOUGH:
                self._engine.decide(arrivals[:BATCH_LIMIT])
                del arrivals[:BATCH_LIMIT]
            if arrivals and self._clock() - oldest >= LINGER_S:
                self._engine.decide(arrivals)
                arrivals = []

    def stop(self) -> None:
        """End ``run`` once every gateway has gone. May be called from a signal handler."""
        self._stopping = True
        self._links.wake()

    def close(self) -> None:
        """Store what is decided and close everything."""
        self._committer.close()
        self._engine.panel.close()
        self._writer.close()
        self._reader.close()
        self._links.close()
        self._lock.close()

    def _take(self, number: int, message: tuple[Any, ...], arrivals: list[Arrival]) -> None:
        kind = message[0]
        if kind == TRANSACTIONS:
            make = Transaction._make
            arrivals.extend([((number, token), make(values)) for token, values in message[1]])
        elif kind == FIGURES:
            _, request, content = message
            self._gateways[number] = orjson.loads(content)
            self._balance(number, self._gateways[number])
            self._links.send(number, (FIGURES, request, orjson.dumps(self._figures())))
        elif kind == CONTROL and self._control is not None:
            _, request, content = message
            answer = self._control.answer(orjson.loads(content))
            self._links.send(number, (CONTROL, request, orjson.dumps(answer)))
        else:
            log.warning("a message of unknown kind %r from gateway %d", kind, number)

    def _figures(self) -> dict[str, Any]:
        merged = merged_figures(
            core_figures(self._parts, self._clock()), list(self._gateways.values())
        )
        present = [self._gateways[n] for n in self._links.numbers() if n in self._gateways]
        recent = sum(gateway["queue"]["depth_recent"] for gateway in present)
        self._depth_max = max(self._depth_max, recent, merged["queue"]["depth_max"])
        merged["queue"]["depth_max"] = self._depth_max
        return merged

    def _balance(self, number: int, figures: dict[str, Any]) -> None:
        now_s = self._clock()
        self._balancer.report(
            number, figures["answered"], figures["connections"], figures["serving"], now_s
        )
        move = self._balancer.look(self._links.numbers(), now_s)
        if move is not None:
            self._links.send(move.gateway, (RELEASE, move.connections))


def _recover(reader: DecisionReader) -> SeenIds:
    """The ids decided in earlier lives."""
    seen = SeenIds()
    total = 0
    for ids in reader.ids():
        seen.add(ids)
        total += len(ids)
    if total:
        log.info("recovered %d decisions", total)
    return seen


def _lock(data_dir: Path) -> IO[str]:
    """Hold the data directory: two platforms on one would decide twice."""
    path = data_dir / "lock"
    try:
        file = path.open("a+")
    except OSError as error:
        raise UsageError(
            f"{data_dir}: cannot be written ({error.strerror}); choose another --data-dir"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise UsageError(
            f"{data_dir}: another platform is running on it; stop that one or choose another"
            " --data-dir"
        ) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
