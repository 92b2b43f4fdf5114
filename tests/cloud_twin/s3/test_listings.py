"""Pages of a listing, put together, are the whole listing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_twin.services.s3.listings import page

KEYS = st.lists(
    st.text(st.sampled_from(["a", "b", "/", "é", "\U0010ffff"]), min_size=1, max_size=6),
    unique=True,
    max_size=25,
).map(sorted)


def reference(keys: list[str], prefix: str, delimiter: str) -> tuple[list[str], list[str]]:
    plain, groups = [], set()
    for key in keys:
        if key.startswith(prefix):
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            if at < 0:
                plain.append(key)
            else:
                groups.add(key[: at + len(delimiter)])
    return plain, sorted(groups)


@settings(deadline=None)
@given(KEYS, st.sampled_from(["", "a", "a/", "/"]), st.sampled_from(["", "/", "b/"]),
       st.integers(1, 5))  # fmt: skip
def test_pages_concatenate_to_the_whole(
    keys: list[str], prefix: str, delimiter: str, limit: int
) -> None:
    plain: list[str] = []
    groups: list[str] = []
    after = ""
    for _ in range(100):
        found = page(keys, prefix, delimiter, after, limit)
        assert found.size <= limit
        plain += found.keys
        groups += found.prefixes
        if not found.truncated:
            break
        assert found.size == limit
        after = found.last

    assert (plain, groups) == reference(keys, prefix, delimiter)


@pytest.mark.parametrize(
    ("after", "wanted"), [("", ["a", "b", "c"]), ("a", ["b", "c"]), ("aa", ["b", "c"]), ("c", [])]
)
def test_a_listing_starts_behind_a_key(after: str, wanted: list[str]) -> None:
    assert page(["a", "b", "c"], "", "", after, 10).keys == wanted


def test_no_keys_asked_for_is_no_page() -> None:
    assert not page(["a"], "", "", "", 0).truncated
