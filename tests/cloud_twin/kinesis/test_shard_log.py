"""What a shard retains: a log that any model list agrees with."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.services.kinesis.shard_log import SEGMENT_RECORDS, ShardLog


@given(
    st.lists(st.integers(1, 900), min_size=1, max_size=8),
    st.integers(0, 4000),
    st.integers(1, 3000),
    st.integers(0, 40_000),
)
@settings(max_examples=60, deadline=None)
def test_reading_is_slicing(
    batches: list[int], position: int, limit: int, limit_bytes: int
) -> None:
    log = ShardLog()
    model: list[tuple[str, int, float]] = []
    for number, count in enumerate(batches):
        keys = [f"{number}-{i}" for i in range(count)]
        sizes = [(i * 7 + number) % 50 for i in range(count)]
        log.append(keys, ["" for _ in keys], sizes, float(number))
        model += [(key, size, float(number)) for key, size in zip(keys, sizes, strict=True)]
    found = log.read(position, limit, limit_bytes)
    first = max(position, 1)
    expected: list[tuple[str, float]] = []
    total = 0
    for key, size, arrived_s in model[first - 1 : first - 1 + limit]:
        if expected and total + size > limit_bytes:
            break
        expected.append((key, arrived_s))
        total += size
    assert list(zip(found.keys, found.arrivals_s, strict=True)) == expected
    assert found.size_bytes == total
    assert found.next == first + len(expected)
    assert log.end == len(model) + 1


@given(st.integers(0, 12), st.integers(0, 12))
def test_first_at_finds_the_first_record_of_a_moment(count: int, moment: int) -> None:
    log = ShardLog()
    for second in range(count):
        log.append(["k"], [""], [1], float(second))
    expected = moment + 1 if moment < count else log.end
    assert log.first_at(float(moment)) == expected


def test_dropping_the_oldest_moves_the_start_and_gives_memory_back() -> None:
    log = ShardLog()
    taken = [log.append(["k"] * 400, ["AAAA"] * 400, [3] * 400, float(i)) for i in range(20)]
    freed = 0
    while log.start < log.end:
        before = log.start
        freed += log.drop_oldest()
        assert log.start > before
        assert log.start - before <= SEGMENT_RECORDS + 400
    assert freed == sum(taken)
    assert log.read(1, 10, 10**6).keys == ()
    assert log.oldest_arrival_s is None
    log.append(["k"], [""], [1], 99.0)
    assert log.read(1, 10, 10**6).first == 8001


def test_arrival_times_never_fall_even_if_the_clock_does() -> None:
    log = ShardLog()
    log.append(["a"], [""], [1], 10.0)
    log.append(["b"], [""], [1], 9.0)
    assert log.read(1, 10, 100).arrivals_s == [10.0, 10.0]
