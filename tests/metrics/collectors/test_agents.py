from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest

from squall.errors import TargetUnreachable
from squall.metrics.collectors import AgentsCollector


def document(since_s: float, decisions: int, busy_s: float, **agent: object) -> bytes:
    return json.dumps(
        {
            "since_s": since_s,
            "processes": 2,
            "agents": [
                {
                    "name": "pattern_detector",
                    "healthy": True,
                    "decisions": decisions,
                    "timeouts": 0,
                    "failures": 0,
                    "busy_s": busy_s,
                    "service_us_mean": 31.2,
                    "latency_ms": {"p50": 3.1, "p95": 8.0, "p99": 11.9},
                    **agent,
                }
            ],
            "coordinator": {
                "decisions": decisions,
                "disagreements": 1,
                "vetoes": 2,
                "fallbacks": decisions // 100,
                "quorum_failures": 0,
                "busy_s": busy_s / 4,
                "latency_ms": {"p50": 0.2, "p95": 0.4, "p99": 0.9},
            },
            "stages": [{"name": "gateway", "busy_s": 20.1}, {"name": "agents", "busy_s": 9.5}],
            "queue": {"depth": 0, "limit": 20000, "shed": 0},
        }
    ).encode()


def answering(*answers: bytes | Exception | None) -> Callable[[], Awaitable[bytes | None]]:
    waiting = list(answers)

    async def read() -> bytes | None:
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return read


async def polled(*answers: bytes | Exception | None) -> AgentsCollector:
    collector = AgentsCollector(answering(*answers))
    for _ in answers:
        await collector.poll()
    return collector


async def test_figures_are_what_happened_between_the_readings() -> None:
    collector = await polled(document(100, 5_000, 2.0), document(110, 15_000, 4.0))
    agent, coordinator, gateway = collector.metrics()
    assert (agent.name, agent.decisions, agent.healthy) == ("pattern_detector", 10_000, True)
    assert agent.load == pytest.approx(0.2)
    assert agent.service_us_mean == pytest.approx(200.0)
    assert (agent.latency_ms_p50, agent.latency_ms_p99) == (3.1, 11.9)
    assert (coordinator.name, coordinator.timeouts) == ("coordinator", 100)
    assert coordinator.load == pytest.approx(0.05)
    assert (gateway.name, gateway.load, gateway.decisions) == ("gateway", 0.0, 0)


async def test_a_restart_of_the_target_is_bridged() -> None:
    collector = await polled(
        document(100, 5_000, 2.0), document(110, 6_000, 3.0), document(4, 500, 0.4)
    )
    agent = collector.metrics()[0]
    assert agent.decisions == 1_000 + 500
    assert agent.load == pytest.approx((1.0 + 0.4) / (10 + 4))


async def test_one_reading_says_who_is_there_and_not_how_busy() -> None:
    agent = (await polled(document(100, 5_000, 2.0))).metrics()[0]
    assert (agent.decisions, agent.load, agent.service_us_mean) == (0, None, 31.2)


async def test_an_unhealthy_agent_is_reported() -> None:
    collector = await polled(document(1, 0, 0.0), document(2, 1, 0.1, healthy=False))
    assert [a.healthy for a in collector.metrics()] == [False, True, True]


@pytest.mark.parametrize(
    "failure",
    [OSError("connection refused"), TargetUnreachable("gone"), b"<html>", b'{"agents": []}'],
)
async def test_a_target_that_cannot_be_asked_any_more_is_not_healthy(
    failure: bytes | Exception,
) -> None:
    collector = await polled(document(1, 0, 0.0), document(2, 9, 0.1), failure)
    assert [a.healthy for a in collector.metrics()] == [False, False, False]
    assert collector.metrics()[0].decisions == 9
    assert "agent dashboard" in collector.problem


async def test_a_reading_that_works_again_heals_it() -> None:
    collector = await polled(document(1, 0, 0.0), OSError("busy"), document(3, 9, 0.1))
    assert collector.problem == ""
    assert collector.metrics()[0].healthy


async def test_a_target_that_was_never_reached_has_no_agents() -> None:
    assert (await polled(OSError("refused"))).metrics() == ()


async def test_a_target_without_a_dashboard_is_no_problem() -> None:
    collector = await polled(None, None)
    assert (collector.metrics(), collector.problem) == ((), "")


async def test_an_outage_that_ends_before_the_last_reading_is_not_forgotten() -> None:
    collector = await polled(
        document(100, 0, 0.0),
        document(105, 24, 0.1),
        document(110, 48, 0.2, failures=126),
    )
    agent, coordinator, _ = collector.metrics()
    assert (agent.healthy, agent.unhealthy_readings, agent.was_healthy) == (True, 0, False)
    assert coordinator.was_healthy


async def test_an_unhealthy_reading_during_the_load_is_counted() -> None:
    collector = await polled(
        document(100, 0, 0.0),
        document(105, 100, 0.1, healthy=False),
        document(110, 200, 0.2),
    )
    agent = collector.metrics()[0]
    assert (agent.readings, agent.unhealthy_readings, agent.healthy) == (2, 1, True)
    assert not agent.was_healthy


async def test_health_before_the_load_is_not_the_loads() -> None:
    collector = await polled(document(100, 0, 0.0, healthy=False), document(105, 100, 0.1))
    assert collector.metrics()[0].was_healthy


async def test_a_reading_that_cannot_be_taken_is_told_from_an_agent_that_is_ill() -> None:
    collector = await polled(document(100, 0, 0.0), OSError("refused"))
    agent = collector.metrics()[0]
    assert (agent.healthy, agent.readable) == (False, False)
