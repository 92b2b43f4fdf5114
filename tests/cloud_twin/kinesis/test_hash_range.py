"""Hash ranges partition the key space, whatever is split and merged."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cloud_twin.clock import ManualClock
from cloud_twin.services.kinesis.hash_range import KEY_SPACE, HashRange, uniform_ranges
from cloud_twin.services.kinesis.limits import KinesisLimits
from cloud_twin.services.kinesis.stream import Mode, Stream


def is_partition(ranges: list[HashRange]) -> bool:
    """Whether sorted ranges cover every key once."""
    ordered = sorted(ranges)
    return (
        ordered[0].first == 0
        and ordered[-1].last == KEY_SPACE - 1
        and all(one.last + 1 == other.first for one, other in pairwise(ordered))
    )


def a_stream(shards: int) -> Stream:
    stream = Stream("s", "arn:s", 1, Mode.PROVISIONED, KinesisLimits(), ManualClock())
    stream.create_shards(shards)
    return stream


@given(st.integers(1, 300))
def test_uniform_ranges_partition_the_key_space(count: int) -> None:
    ranges = uniform_ranges(count)
    assert len(ranges) == count
    assert is_partition(list(ranges))


@given(st.integers(1, 6), st.lists(st.integers(-20, 20), max_size=8), st.integers(0, 2**32))
def test_any_sequence_of_splits_merges_and_scalings_keeps_a_partition(
    shards: int, steps: list[int], seed: int
) -> None:
    stream = a_stream(shards)
    rng = random.Random(seed)
    for step in steps:
        if step > 10:
            stream.rescale(step - 10)
            assert len(stream.open) == step - 10
        elif step >= 0:
            shard = rng.choice(stream.open)
            if shard.keys.last - shard.keys.first > 4:
                stream.split(shard, rng.randint(shard.keys.first + 2, shard.keys.last - 1))
        elif len(stream.open) > 1:
            at = rng.randrange(len(stream.open) - 1)
            stream.merge(stream.open[at], stream.open[at + 1])
        assert is_partition([shard.keys for shard in stream.open])
    for shard in stream.shards:
        assert len(shard.parents) <= 2
        assert all(parent.number < shard.number for parent in shard.parents)
        assert (shard.closed_s is None) == (not shard.children)
        for child in shard.children:
            assert shard in child.parents


@given(st.integers(1, 12), st.lists(st.integers(0, KEY_SPACE - 1), min_size=1, max_size=20))
def test_a_hash_key_goes_to_the_shard_whose_range_has_it(shards: int, keys: list[int]) -> None:
    stream = a_stream(shards)
    stream.split(stream.open[0], stream.open[0].keys.first + 17)
    places = stream.places([key.to_bytes(16, "big") for key in keys])
    for key, place in zip(keys, places, strict=True):
        assert key in stream.open[place].keys
