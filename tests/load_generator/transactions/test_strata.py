"""Laws of the specials: monotone, in their share, the same from both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.load_generator.transactions.hashing import key_of
from squall.load_generator.transactions.strata import (
    CLUMP_SPACING,
    GROUP,
    PPM,
    Strata,
)

shares = st.integers(1, PPM)
clumping = st.booleans()


@given(shares, clumping, st.integers(0, 10**9), st.integers(0, 1000))
def test_position_and_ordinal_are_inverse(ppm: int, clumped: bool, first: int, seed: int) -> None:
    strata = Strata(ppm, key_of(seed, "test"), clumped)
    ordinals = np.arange(first, first + 200, dtype=np.int64)
    positions = strata.positions(ordinals)
    assert (np.diff(positions) > 0).all()
    back, found = strata.ordinals(positions)
    assert np.array_equal(back, ordinals)
    assert np.array_equal(found, positions)


@given(shares, clumping, st.integers(0, 10**10))
def test_specials_lie_in_their_strata(ppm: int, clumped: bool, first: int) -> None:
    strata = Strata(ppm, key_of(3, "test"), clumped)
    start, length, special = strata.whole(np.arange(first, first + 100, dtype=np.int64))
    assert ((special >= start) & (special < start + length)).all()
    assert (start[1:] >= start[:-1] + length[:-1]).all()


@pytest.mark.parametrize("ppm", [150, 1_000, 5_000, 150_000, 200_000, 500_001, 1_000_000])
@pytest.mark.parametrize("clumped", [False, True])
def test_the_share_holds(ppm: int, clumped: bool) -> None:
    count = 800_000
    strata = Strata(ppm, key_of(4, "test"), clumped)
    numbers = np.arange(count, dtype=np.int64)
    _, position = strata.ordinals(numbers)
    found = int((position == numbers).sum())
    assert abs(found - count * ppm / PPM) <= (GROUP if clumped else 1)


def test_no_share_gives_none() -> None:
    numbers = np.arange(1_000, dtype=np.int64)
    _, position = Strata(0, key_of(1, "test")).ordinals(numbers)
    assert not (position == numbers).any()


def test_clumps_are_dense() -> None:
    strata = Strata(1_000, key_of(5, "test"), clumped=True)
    positions = strata.positions(np.arange(GROUP * 100, dtype=np.int64)).reshape(-1, GROUP)
    assert (positions[:, -1] - positions[:, 0] <= GROUP * CLUMP_SPACING).all()
    assert strata.spacing == CLUMP_SPACING
