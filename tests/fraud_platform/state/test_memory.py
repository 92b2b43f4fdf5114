from __future__ import annotations

import pytest

from fraud_platform.state.decay import Fading
from fraud_platform.state.memory import BoundedMemory, PairMemory


def test_entries_are_made_once() -> None:
    memory = BoundedMemory[str, Fading](64, Fading)
    first = memory.of("a", 5.0)
    assert memory.of("a", 9.0) is first
    assert memory.get("a") is first
    assert memory.get("b") is None
    assert first.at == 5.0


def test_the_oldest_go_when_it_is_full() -> None:
    memory = BoundedMemory[int, Fading](64, Fading)
    for key in range(200):
        memory.of(key, 0.0)
        assert len(memory) <= 64
    assert memory.get(0) is None
    assert memory.get(199) is not None
    assert memory.forgotten == 200 - len(memory)


def test_a_limit_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 64"):
        BoundedMemory[int, Fading](63, Fading)


def test_pairs_are_counted_and_bounded() -> None:
    pairs = PairMemory(64)
    assert [pairs.meet(1, "a", "b") for _ in range(3)] == [0, 1, 2]
    assert pairs.meet(2, "a", "b") == 0
    for number in range(200):
        pairs.meet(3, number)
        assert len(pairs) <= 64
    assert pairs.meet(1, "a", "b") == 0  # forgotten
