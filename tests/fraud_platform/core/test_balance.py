from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.core.balance import IMBALANCE_LIMIT, PATIENCE_S, Balancer, Move


class Gateways:
    """Gateways whose work is in proportion to their connections; a second at a time."""

    def __init__(self, connections: dict[int, int], load: float = 400.0) -> None:
        self.connections = connections
        self.load = load
        self.now_s = 1000.0
        self.answered = dict.fromkeys(connections, 0.0)
        self.balancer = Balancer()
        self.moves: list[Move] = []
        self.away: set[int] = set()

    def second(self, chance: random.Random | None = None) -> None:
        total = sum(self.connections.values())
        self.now_s += 1.0
        for number, count in self.connections.items():
            self.answered[number] += self.load * count / max(total, 1)
            self.balancer.report(
                number, round(self.answered[number]), count, number not in self.away, self.now_s
            )
        move = self.balancer.look(self.connections.keys(), self.now_s)
        if move is not None:
            self.moves.append(move)
            self.connections[move.gateway] -= move.connections
            for place in range(move.connections):
                numbers = sorted(self.connections)
                number = chance.choice(numbers) if chance else numbers[place % len(numbers)]
                self.connections[number] += 1


def test_the_imbalance_is_the_busiest_above_the_mean() -> None:
    gateways = Gateways({1: 60, 2: 30, 3: 30})
    for _ in range(6):
        gateways.second()
    figures = gateways.balancer.figures()
    assert figures is not None
    assert figures["imbalance_share"] == pytest.approx(0.5)  # 60 where the mean is 40
    assert figures["units"] == 3
    assert not gateways.moves  # not yet: it may pass


@settings(deadline=None)
@given(
    st.integers(2, 5),
    st.lists(st.integers(0, 400), min_size=5, max_size=5),
    st.integers(0, 2**32),
)
def test_whatever_the_imbalance_it_is_even_within_two_minutes(
    count: int, sizes: list[int], seed: int
) -> None:
    """Where connections are many enough that chance alone deals them evenly."""
    held = {number: sizes[number] for number in range(count)}
    held[0] += 200 * count
    gateways = Gateways(held)
    everything = sum(held.values())
    chance = random.Random(seed)
    for _ in range(120):
        gateways.second(chance)
    balancer = gateways.balancer
    assert balancer.imbalance_share is not None
    assert balancer.imbalance_share <= IMBALANCE_LIMIT
    assert sum(gateways.connections.values()) == everything
    assert balancer.longest_unbalanced_s < 120.0
    assert balancer.connections_moved == sum(move.connections for move in gateways.moves)
    assert (balancer.rebalancings > 0) == bool(gateways.moves)


def test_one_that_comes_back_without_connections_is_given_some(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    gateways = Gateways({1: 64, 2: 0})
    gateways.away = {2}
    for _ in range(30):
        gateways.second()
    assert gateways.balancer.figures() is None  # there is nothing to compare
    gateways.away = set()
    for _ in range(60):
        gateways.second()
    figures = gateways.balancer.figures()
    assert figures is not None
    assert figures["imbalance_share_max"] == pytest.approx(1.0)
    assert figures["imbalance_share"] <= IMBALANCE_LIMIT
    assert figures["rebalancings"] == 1
    assert PATIENCE_S <= figures["last_rebalanced_s"] == figures["longest_unbalanced_s"] < 30.0
    text = caplog.text
    assert "balance: gateway 1 does 100 % more than the mean of 2; 58 of its 64" in text
    assert "balance: even again after" in text


def test_a_short_peak_moves_nothing() -> None:
    gateways = Gateways({1: 40, 2: 40})
    for second in range(60):
        gateways.connections = {1: 70, 2: 10} if second % 20 < 3 else {1: 40, 2: 40}
        gateways.second()
    assert not gateways.moves
    assert gateways.balancer.imbalance_share_max > IMBALANCE_LIMIT
    assert gateways.balancer.rebalancings == 0


def test_without_load_nothing_is_uneven() -> None:
    gateways = Gateways({1: 64, 2: 0}, load=20.0)
    for _ in range(60):
        gateways.second()
    assert not gateways.moves
    assert gateways.balancer.imbalance_share is None
    assert gateways.balancer.longest_unbalanced_s == 0.0


def test_an_imbalance_that_nothing_ends_keeps_counting() -> None:
    """Clients that come back to the same gateway every time: the figure says so."""
    gateways = Gateways({1: 64, 2: 0})
    for _ in range(90):
        gateways.second()
        gateways.connections = {1: 64, 2: 0}
    figures = gateways.balancer.figures()
    assert figures is not None
    assert figures["rebalancings"] == 0
    assert figures["last_rebalanced_s"] is None
    assert figures["longest_unbalanced_s"] > 60.0


def test_a_gateway_that_died_is_not_compared() -> None:
    gateways = Gateways({1: 64, 2: 0})
    for _ in range(3):
        gateways.second()
    del gateways.connections[2]
    for _ in range(20):
        gateways.second()
    assert not gateways.moves
    figures = gateways.balancer.figures()
    assert figures is not None
    assert figures["units"] == 1
