from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.cli.live_view.lines import apart, beside, box, fit, length, plain

SPANS = st.lists(
    st.tuples(st.text(alphabet="abc ✓…漢字", max_size=12), st.sampled_from(["", "red"])),
    max_size=4,
)


@given(SPANS, st.integers(1, 40))
def test_a_fitted_line_has_exactly_its_width(line: list[tuple[str, str]], width: int) -> None:
    assert length(fit(line, width)) == width


@given(SPANS, SPANS, st.integers(1, 60))
def test_a_line_set_apart_has_exactly_its_width(
    left: list[tuple[str, str]], right: list[tuple[str, str]], width: int
) -> None:
    assert length(apart(left, right, width)) == width


@given(
    st.text(alphabet="abc 漢", max_size=30),
    st.lists(SPANS, max_size=6),
    st.integers(8, 50),
    st.integers(2, 9),
)
def test_a_box_is_a_rectangle(
    title: str, lines: list[list[tuple[str, str]]], width: int, height: int
) -> None:
    drawn = box(title, lines, width, height)
    assert [length(line) for line in drawn] == [width] * height


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert plain([fit([("criterion", "")], 6)]) == "crite…"
    assert plain([apart([("a very long name", "")], [("12 ms", "")], 14)]) == "a very … 12 ms"


def test_boxes_stand_side_by_side() -> None:
    left = box("A", [[("1", "")]], 8)
    right = box("B", [[("2", "")]], 8)
    assert plain(beside(left, right)) == ("╭─ A ──╮╭─ B ──╮\n│ 1    ││ 2    │\n╰──────╯╰──────╯")


def test_blocks_of_different_height_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        beside(box("A", [], 8), box("B", [[("2", "")]], 8))
