"""An environment of the function on fake ports."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import Executor

from tests.fraud_platform.stream.fakes import (
    FakeBucket,
    FakeLetters,
    FakeOwners,
    FakeProfiles,
    FakeStream,
    FakeTable,
    Faults,
    SameThread,
)

from fraud_platform.agents.coordinator import Coordinator
from fraud_platform.agents.evidence import Agent, Evidence, Votes
from fraud_platform.agents.panel import Panel
from fraud_platform.agents.runner import AgentRunner
from fraud_platform.learning.model import AGENTS, LearnedModel
from fraud_platform.stream.audit import AuditTrail
from fraud_platform.stream.backoff import Backoff, Patience
from fraud_platform.stream.customers import Customers
from fraud_platform.stream.envelope import Arrival, RecordReader, lane_of, pack, partition_key
from fraud_platform.stream.judge import Judge
from fraud_platform.stream.memory import StreamMemory
from fraud_platform.stream.processor import Outside, Processor, ShardRecord
from fraud_platform.stream.recorder import Recorder
from fraud_platform.wire.currencies import current_currencies
from fraud_platform.wire.transaction import Transaction
from fraud_platform.wire.validation import Validator

SHARD = "shardId-000000000000"
ARRIVED_S = 1_750_000_000.0


class World:
    """What outlives environments."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.table = FakeTable(self.faults)
        self.profiles = FakeProfiles(self.faults)
        self.owners = FakeOwners()
        self.stream = FakeStream(self.faults)
        self.bucket = FakeBucket(self.faults)
        self.letters = FakeLetters()
        self.environments: list[Processor] = []
        self._model: LearnedModel | None = None

    def environment(
        self,
        model: LearnedModel,
        agents: Sequence[Agent] | None = None,
        pool: Executor | None = None,
    ) -> Processor:
        """A new environment, as Lambda starts one."""
        name = f"env{len(self.environments)}"
        memory = StreamMemory(model.scales)
        runners = [AgentRunner(agent) for agent in agents or model.agents()]
        judge = Judge(memory, Panel(runners, deadline_s=20.0), Coordinator(model.weights))
        pool = pool or SameThread()
        recorder = Recorder(
            self.table, pool, Patience(5.0), random.Random(1), Backoff(0.0), sleep=lambda _: None
        )
        processor = Processor(
            name,
            RecordReader(Validator(current_currencies())),
            judge,
            Customers(name, memory, self.profiles, self.owners),
            recorder,
            Outside(self.table, self.stream, AuditTrail(self.bucket, name), self.letters),
            pool,
            wall_clock=lambda: ARRIVED_S + 1.0,
        )
        self.environments.append(processor)
        return processor

    def close(self) -> None:
        for environment in self.environments:
            environment.judge.close()


class PlainAgent:
    """Votes the same on everything, at no cost."""

    def __init__(self, name: str) -> None:
        self.name = name

    def judge(self, evidence: Evidence) -> Votes:
        import numpy as np

        size = len(evidence)
        return Votes(np.full(size, 0.01), np.full(size, 0.8), np.zeros(size, dtype=np.uint64))


def plain_agents() -> list[Agent]:
    return [PlainAgent(name) for name in AGENTS]


def packed(transactions: Sequence[Transaction], sequence: int) -> list[ShardRecord]:
    """Packs by lane, with ascending sequence numbers, as the gateway writes them."""
    lanes: dict[int, list[Arrival]] = {}
    for t in transactions:
        lanes.setdefault(lane_of(t.user), []).append(Arrival(t, ARRIVED_S))
    return [
        ShardRecord(pack(arrivals), partition_key(lane), sequence + place, ARRIVED_S)
        for place, (lane, arrivals) in enumerate(lanes.items())
    ]
