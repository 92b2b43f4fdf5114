from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.models.transactions import RUN_TAG_LENGTH
from squall.orchestrator.run_ids import new_run_id, run_tag_of


def test_a_run_id_says_when() -> None:
    assert new_run_id(1_795_000_000.9, b"\x3f\x9a\x1c") == "20261118T110640Z-3f9a1c"


@given(st.floats(0, 4e9), st.floats(0, 4e9), st.binary(min_size=3, max_size=8))
def test_run_ids_sort_by_time(one_s: float, other_s: float, randomness: bytes) -> None:
    first, second = sorted((one_s, other_s))
    assert new_run_id(first, randomness) <= new_run_id(second, randomness)


@given(st.text(max_size=60))
def test_run_tags_fit_into_transaction_ids(run_id: str) -> None:
    tag = run_tag_of(run_id)
    assert re.fullmatch(f"[a-z0-9]{{{RUN_TAG_LENGTH}}}", tag)
    assert tag == run_tag_of(run_id)


def test_run_tags_differ() -> None:
    tags = {run_tag_of(new_run_id(1.8e9, n.to_bytes(3, "big"))) for n in range(5_000)}
    assert len(tags) == 5_000


def test_too_little_randomness_is_refused() -> None:
    with pytest.raises(ValueError, match="three"):
        new_run_id(0, b"ab")
