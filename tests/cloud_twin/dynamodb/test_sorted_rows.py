from __future__ import annotations

import random
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.services.dynamodb import sorted_rows
from cloud_twin.services.dynamodb.sorted_rows import SortedRows

keys = st.binary(max_size=3)


def filled(model: dict[bytes, bytes]) -> SortedRows:
    rows = SortedRows()
    for key, row in model.items():
        rows.put(key, row)
    return rows


def check(rows: SortedRows, model: dict[bytes, bytes], lower: bytes, upper: bytes | None) -> None:
    within = [
        (key, model[key])
        for key in sorted(model)
        if key >= lower and (upper is None or key < upper)
    ]
    assert list(rows.forward(lower, upper)) == within
    assert list(rows.backward(lower, upper)) == within[::-1]
    assert len(rows) == len(model)


changes = st.lists(st.tuples(st.booleans(), keys, st.binary(max_size=2)), max_size=200)


@given(changes, keys, st.none() | keys)
def test_rows_behave_as_a_sorted_dict(
    steps: list[tuple[bool, bytes, bytes]], lower: bytes, upper: bytes | None
) -> None:
    limit = sorted_rows.CHUNK_ROWS_MAX
    sorted_rows.CHUNK_ROWS_MAX = 8  # so that chunks split and merge
    try:
        rows, model = SortedRows(), dict[bytes, bytes]()
        for removes, key, row in steps:
            if removes:
                rows.remove(key)
                model.pop(key, None)
            else:
                rows.put(key, row)
                model[key] = row
            assert rows.get(key) == model.get(key)
        check(rows, model, lower, upper)
        check(rows, model, b"", None)
    finally:
        sorted_rows.CHUNK_ROWS_MAX = limit


@settings(max_examples=5)
@given(st.integers(0, 1000), st.booleans())
def test_many_rows(seed: int, shuffled: bool) -> None:
    model = {number.to_bytes(4, "big"): b"x" for number in range(5000)}
    order = list(model)
    if shuffled:
        random.Random(seed).shuffle(order)
    rows = filled({key: model[key] for key in order})
    check(rows, model, b"", None)
    check(rows, model, (1234).to_bytes(4, "big"), (4321).to_bytes(4, "big"))
    for key in islice(order, 4500):
        rows.remove(key)
        del model[key]
    check(rows, model, b"", None)


def test_dropping_chunks_frees_everything_in_steps() -> None:
    rows = filled({number.to_bytes(4, "big"): b"x" for number in range(3000)})
    steps = 1
    while rows.drop_chunk():
        steps += 1
    assert steps >= 5
    assert len(rows) == 0
    assert list(rows.forward(b"", None)) == []
