"""Random numbers by hash are uniform and independent enough for what they decide."""

from __future__ import annotations

import numpy as np
import pytest

from squall.load_generator.transactions.hashing import (
    hashed,
    hashed_streams,
    joined,
    key_of,
    sixteen,
    thirty_two,
    varied,
)

NUMBERS = np.arange(200_000, dtype=np.int64)


@pytest.mark.parametrize("stride", [1, 5, 64, 4_096])
@pytest.mark.parametrize("part", [0, 1, 2, 3])
def test_every_part_is_uniform(stride: int, part: int) -> None:
    values = sixteen(hashed(NUMBERS * stride, key_of(1, "test")), part)
    counts = np.bincount(values >> 8, minlength=256)
    expected = len(NUMBERS) / 256
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert chi_square < 255 + 6 * np.sqrt(2 * 255)


def test_neighbours_streams_and_parts_are_uncorrelated() -> None:
    keys = np.concatenate([key_of(1, n) for n in range(3)])
    streams = hashed_streams(NUMBERS, keys)
    series = [sixteen(stream, part).astype(float) for stream in streams for part in range(4)]
    limit = 6 / np.sqrt(len(NUMBERS))
    for n, one in enumerate(series):
        assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < limit
        for other in series[n + 1 :]:
            assert abs(np.corrcoef(one, other)[0, 1]) < limit


def test_streams_are_the_hashes_of_their_keys() -> None:
    keys = np.concatenate([key_of(1, n) for n in range(3)])
    streams = hashed_streams(NUMBERS[:100], keys)
    for n in range(3):
        assert np.array_equal(streams[n], hashed(NUMBERS[:100], keys[n : n + 1]))


def test_keys_differ_by_seed_and_name() -> None:
    keys = {int(key_of(seed, name)[0]) for seed in range(50) for name in ("a", "b", "ab")}
    assert len(keys) == 150


def test_pairs_are_uniform() -> None:
    base = hashed(NUMBERS, key_of(1, "left"))
    for values in (
        thirty_two(joined(base, NUMBERS % 7, key_of(1, "right")), 1),
        thirty_two(varied(base, NUMBERS % 7), 1),
    ):
        counts = np.bincount(values >> np.uint32(24), minlength=256)
        expected = len(NUMBERS) / 256
        assert ((counts - expected) ** 2 / expected).sum() < 255 + 6 * np.sqrt(2 * 255)
