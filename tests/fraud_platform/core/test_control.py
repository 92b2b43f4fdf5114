from __future__ import annotations

from typing import Any, cast

import pytest

from fraud_platform.agents.disturbance import AgentDisturbedError, DisturbanceBook
from fraud_platform.core.control import NEEDS_TWO, CoreControl
from fraud_platform.core.frames import LEAVE
from fraud_platform.core.link import LinkServer


class Links:
    """Gateways that remember what they were told."""

    def __init__(self, *numbers: int) -> None:
        self.present = set(numbers)
        self.told: list[tuple[int, str, float]] = []

    def numbers(self) -> frozenset[int]:
        return frozenset(self.present)

    def send(self, number: int, message: tuple[Any, ...]) -> None:
        self.told.append((number, *message))


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Rig:
    def __init__(self, *gateways: int) -> None:
        self.clock = Clock()
        self.links = Links(*gateways)
        self.book = DisturbanceBook(clock=self.clock)
        self.control = CoreControl(self.book, cast(LinkServer, self.links), self.clock)

    def ask(self, do: str, **fields: Any) -> Any:
        answer = self.control.answer({"do": do, **fields})
        return answer["result"]


@pytest.fixture
def rig() -> Rig:
    return Rig(1, 2)


def test_an_agent_is_disturbed_for_as_long_as_it_is_leased(rig: Rig) -> None:
    what = {"agent": "compliance", "fails": True}
    begun = rig.ask("begin", what=what, lease_s=5.0)
    assert begun == {"id": "d1", **what, "left_s": 5.0}
    with pytest.raises(AgentDisturbedError):
        rig.book.hold("compliance")
    rig.clock.now += 4.0
    assert rig.ask("renew", id="d1", lease_s=5.0)["left_s"] == 5.0
    rig.clock.now += 4.0
    assert [one["id"] for one in rig.ask("list")] == ["d1"]
    rig.clock.now += 1.0
    assert rig.ask("list") == []
    assert rig.ask("renew", id="d1", lease_s=5.0) is None
    assert rig.ask("end", id="d1") is False
    rig.book.hold("compliance")


def test_a_delay_is_answered_as_it_was_asked_for(rig: Rig) -> None:
    what = {"agent": "compliance", "delay_ms": 100.0, "delay_ms_max": 5000.0}
    assert rig.ask("begin", what=what, lease_s=1.0) == {"id": "d1", **what, "left_s": 1.0}


def test_one_gateway_goes_away_and_comes_back(rig: Rig) -> None:
    begun = rig.ask("begin", what={"gateway": "away"}, lease_s=5.0)
    assert begun == {"id": "g1", "gateway": "away", "left_s": 5.0}
    assert rig.ask("renew", id="g1", lease_s=7.0)["left_s"] == 7.0
    assert rig.ask("end", id="g1") is True
    assert rig.ask("end", id="g1") is False
    assert rig.links.told == [(1, LEAVE, 5.0), (1, LEAVE, 7.0), (1, LEAVE, 0.0)]


def test_the_last_gateway_stays(rig: Rig) -> None:
    refused = {"refused": NEEDS_TWO}
    away = {"do": "begin", "what": {"gateway": "away"}, "lease_s": 5.0}
    assert "result" in rig.control.answer(away)
    assert rig.control.answer(away) == refused
    rig.clock.now += 6.0  # it has come back by itself
    assert "result" in rig.control.answer(away)
    assert Rig(7).control.answer(away) == refused


def test_a_gateway_that_died_while_away_is_forgotten(rig: Rig) -> None:
    rig.ask("begin", what={"gateway": "away"}, lease_s=60.0)
    rig.links.present = {2, 3}
    assert rig.ask("list") == []
    assert rig.ask("renew", id="g1", lease_s=60.0) is None
