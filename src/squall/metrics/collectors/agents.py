"""Figures per agent, read from the target's agent dashboard (``docs/platform-api.md``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from squall.errors import SquallError
from squall.metrics.collectors.dashboard_numbers import DashboardNumbers
from squall.models import AgentMetrics

POLL_PERIOD_S = 5.0
COORDINATOR = "coordinator"

ReadAgents = Callable[[], Awaitable[bytes | None]]
"""Reads the dashboard's answer; None: there is none. Raises OSError or a ``SquallError``."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class LatencyFigures(_Document):
    """Milliseconds."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class AgentFigures(_Document):
    """One agent's counters since the target started."""

    name: str = Field(min_length=1, max_length=100)
    healthy: bool = True
    decisions: int = Field(default=0, ge=0)
    timeouts: int = Field(default=0, ge=0)
    failures: int = Field(default=0, ge=0)
    busy_s: float = Field(default=0.0, ge=0)
    service_us_mean: float | None = None
    latency_ms: LatencyFigures = LatencyFigures()


class CoordinatorFigures(_Document):
    """The coordinator's counters since the target started."""

    decisions: int = Field(default=0, ge=0)
    fallbacks: int = Field(default=0, ge=0)
    quorum_failures: int = Field(default=0, ge=0)
    busy_s: float = Field(default=0.0, ge=0)
    latency_ms: LatencyFigures = LatencyFigures()


SERVING_STAGES = frozenset({"gateway", "storage"})
"""Stages shown beside the agents: what every transaction passes before and after them. Others
are parts of these, or the agents once more."""


class StageFigures(_Document):
    """A part of the target that every transaction passes and that is no agent."""

    name: str = Field(min_length=1, max_length=100)
    busy_s: float = Field(default=0.0, ge=0)


class AgentsDocument(_Document):
    """What ``GET /v1/agents`` answers, as far as it is used."""

    since_s: float = Field(ge=0)
    agents: tuple[AgentFigures, ...] = ()
    coordinator: CoordinatorFigures | None = None
    stages: tuple[StageFigures, ...] = ()

    def all_agents(self) -> Iterable[AgentFigures]:
        """The agents; in the same form the coordinator (its fallbacks are timeouts) and stages."""
        yield from self.agents
        if self.coordinator is not None:
            own = self.coordinator
            yield AgentFigures(
                name=COORDINATOR,
                decisions=own.decisions,
                timeouts=own.fallbacks,
                failures=own.quorum_failures,
                busy_s=own.busy_s,
                latency_ms=own.latency_ms,
            )
        for stage in self.stages:
            if stage.name in SERVING_STAGES:
                yield AgentFigures(name=stage.name, busy_s=stage.busy_s)


@dataclass(slots=True)
class _Increments:
    """What one agent did between the first and the last reading."""

    last: AgentFigures
    decisions: int = 0
    timeouts: int = 0
    failures: int = 0
    busy_s: float = 0.0
    readings: int = 0
    unhealthy_readings: int = 0
    """Both without the reading before the load."""

    def look(self, now: AgentFigures) -> None:
        self.readings += 1
        self.unhealthy_readings += not now.healthy

    def advance(self, now: AgentFigures, restarted: bool) -> None:
        before = AgentFigures(name=now.name) if restarted else self.last
        self.decisions += max(0, now.decisions - before.decisions)
        self.timeouts += max(0, now.timeouts - before.timeouts)
        self.failures += max(0, now.failures - before.failures)
        self.busy_s += max(0.0, now.busy_s - before.busy_s)
        self.last = now


@dataclass(slots=True)
class AgentsCollector:
    """Reads the agent dashboard several times and reports what happened in between.

    The first reading is taken before the load, and its health is not the load's.
    A target that restarts begins its counters anew; that is seen by its ``since_s`` and bridged.
    """

    read: ReadAgents
    _agents: dict[str, _Increments] = field(default_factory=dict)
    _since_s: float | None = None
    _elapsed_s: float = 0.0
    _problem: str = ""
    _numbers: DashboardNumbers = field(default_factory=DashboardNumbers)

    async def poll(self) -> None:
        """Take one reading; a failure is kept as ``problem`` and never raised."""
        try:
            answer = await self.read()
            document = None if answer is None else AgentsDocument.model_validate_json(answer)
        except ValidationError as error:
            self._problem = f"the target's agent dashboard is not understood: {_first(error)}"
        except (OSError, SquallError) as error:
            self._problem = f"the target's agent dashboard cannot be read: {error}"
        else:
            self._problem = ""
            if document is not None and answer is not None:
                self._numbers.take(orjson.loads(answer), self._take(document))

    @property
    def problem(self) -> str:
        """What went wrong with the last reading; empty when it was good."""
        return self._problem

    def metrics(self) -> tuple[AgentMetrics, ...]:
        """Figures per agent over the run; an agent that can no longer be asked is not healthy.

        ``load`` is Δbusy ÷ Δtime. Latencies are the target's own, from its last answer.
        """
        return tuple(self._metrics(name, seen) for name, seen in self._agents.items())

    def dashboard(self) -> dict[str, float]:
        """Every number of the dashboard, as ``DashboardNumbers.figures``."""
        return self._numbers.figures()

    def _take(self, document: AgentsDocument) -> bool:
        """Count one reading; whether the target has restarted since the one before."""
        first = self._since_s is None
        restarted = self._since_s is not None and document.since_s < self._since_s
        if self._since_s is not None:
            self._elapsed_s += document.since_s - (0.0 if restarted else self._since_s)
        self._since_s = document.since_s
        for agent in document.all_agents():
            seen = self._agents.get(agent.name)
            if seen is None:
                seen = self._agents[agent.name] = _Increments(last=agent)
            else:
                seen.advance(agent, restarted)
            if not first:
                seen.look(agent)
        return restarted

    def _metrics(self, name: str, seen: _Increments) -> AgentMetrics:
        latency = seen.last.latency_ms
        return AgentMetrics(
            name=name,
            healthy=seen.last.healthy and not self._problem,
            decisions=seen.decisions,
            timeouts=seen.timeouts,
            failures=seen.failures,
            load=round(seen.busy_s / self._elapsed_s, 4) if self._elapsed_s > 0 else None,
            service_us_mean=(
                round(seen.busy_s * 1e6 / seen.decisions, 2)
                if seen.decisions
                else seen.last.service_us_mean
            ),
            latency_ms_p50=latency.p50,
            latency_ms_p95=latency.p95,
            latency_ms_p99=latency.p99,
            readings=seen.readings,
            unhealthy_readings=seen.unhealthy_readings,
            readable=not self._problem,
        )


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    return ": ".join(p for p in (".".join(map(str, problem["loc"])), problem["msg"]) if p)
