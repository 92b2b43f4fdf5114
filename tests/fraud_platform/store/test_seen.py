from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.store import seen as seen_module
from fraud_platform.store.seen import SeenIds

_IDS = st.one_of(
    st.builds(
        lambda run, n: f"{run}-{n:012d}", st.sampled_from(["a", "b"]), st.integers(0, 10**12 - 1)
    ),
    st.text(max_size=20),
)


@settings(deadline=None)
@given(st.lists(_IDS), _IDS)
def test_is_a_set_of_ids(ids: list[str], other: str) -> None:
    seen = SeenIds()
    seen.add(ids)
    assert all(seen.maybe(one) for one in ids)
    assert seen.maybe(other) is (other in ids)


def test_with_too_many_odd_ids_it_says_maybe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_module, "OTHERS_LIMIT", 3)
    seen = SeenIds()
    seen.add(["odd one", "odd two", "odd three", "odd four"])
    assert seen.maybe("odd four")
    assert seen.maybe("never seen")
    assert not seen.maybe("run-000000000001")
