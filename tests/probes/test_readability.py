from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.probes.readability import LEAST_EASE, reading_ease, sentences, syllables, words

PLAIN = "The cat sat on the mat. It was warm, and it slept all day."
HARD = (
    "Notwithstanding multidimensional heterogeneity, probabilistic institutionalisation of "
    "interdisciplinary methodologies necessitates epistemological reconsideration."
)


def test_figures_do_not_end_sentences() -> None:
    text = "Approved at a risk of 0.03. The agents agreed (0.1 and 0.2). Is it? Yes!"
    assert sentences(text) == [
        "Approved at a risk of 0.03", "The agents agreed (0.1 and 0.2)", "Is it", "Yes",
    ]  # fmt: skip


def test_a_figure_is_one_word_of_one_syllable() -> None:
    assert words("2,500.75 euros, not 7!") == ["2,500.75", "euros", "not", "7"]
    assert syllables("2,500.75") == 1


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("cat", 1), ("agents", 2), ("review", 2), ("declined", 2), ("device", 2), ("the", 1),
        ("customer", 3), ("merchant", 2), ("approved", 2), ("country", 2), ("reconsideration", 6),
    ],
)  # fmt: skip
def test_syllables_of_words_that_explanations_use(word: str, count: int) -> None:
    assert syllables(word) == count


def test_the_formula_on_a_text_counted_by_hand() -> None:
    """Fourteen words in two sentences, fourteen syllables: 206.835 − 1.015·7 − 84.6."""
    assert len(words(PLAIN)) == 14
    assert reading_ease(PLAIN) == pytest.approx(206.835 - 1.015 * 7 - 84.6)


def test_hard_prose_is_below_the_limit_and_plain_prose_far_above() -> None:
    assert reading_ease(HARD) < LEAST_EASE < 60 < reading_ease(PLAIN)
    assert reading_ease("") == reading_ease("… !?") == 0.0


@given(st.text(max_size=200))
def test_any_text_has_an_ease(text: str) -> None:
    assert reading_ease(text) <= 206.835


@given(st.lists(st.sampled_from(["The device is new.", "The amount is high."]), min_size=1))
def test_repeating_sentences_changes_nothing_but_the_mix(parts: list[str]) -> None:
    text = " ".join(parts)
    assert reading_ease(f"{text} {text}") == pytest.approx(reading_ease(text))
