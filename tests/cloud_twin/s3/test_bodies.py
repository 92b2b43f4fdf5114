"""Bodies come back as they were put in, wherever they are kept."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.services.s3.bodies import Body, BodyStore, Extent, size_of


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.binary(max_size=200), st.booleans()), max_size=40),
    st.integers(0, 400),
)
def test_kept_bodies_survive_any_order_of_puts_and_drops(
    steps: list[tuple[bytes, bool]], memory: int
) -> None:
    store = BodyStore(memory)
    kept: list[tuple[bytes, Body]] = []
    largest = 0
    for data, drops in steps:
        kept.append((data, store.keep(data)))
        largest = max(largest, sum(len(each) for each, _ in kept))
        if drops:
            store.drop(kept.pop(len(kept) // 2)[1])
        assert store.memory_bytes <= memory
        for wanted, body in kept:
            assert size_of(body) == len(wanted)
            assert store.read(body) == wanted
            assert store.read(body, 1, 5) == wanted[1:5]
    assert store.file_bytes <= 2 * largest
    for _, body in kept:
        store.drop(body)

    assert (store.memory_bytes, store.file_bytes) == (0, 0)
    store.close()


def test_freed_room_in_the_file_is_used_again() -> None:
    store = BodyStore(0)
    first, second, third = (store.keep(bytes([k]) * 100) for k in range(3))
    store.drop(first)
    store.drop(second)

    again = store.keep(b"x" * 150)

    assert isinstance(again, Extent)
    assert (again.offset, store.file_bytes) == (0, 300)
    assert store.read(third) == bytes([2]) * 100
    store.close()
