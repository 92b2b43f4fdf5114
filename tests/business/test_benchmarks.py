from __future__ import annotations

from squall.business import competitive_benchmarks


def test_every_figure_has_source_scope_date_and_attribution() -> None:
    benchmarks = competitive_benchmarks()
    assert len(benchmarks.figures) >= 10
    for figure in benchmarks.figures:
        assert figure.who
        assert any(character.isdigit() for character in figure.figure)
        assert figure.scope
        assert figure.as_of
        assert figure.source.endswith(("(primary source)", "(secondary source)"))


def test_the_note_says_that_nothing_is_ranked() -> None:
    assert "not a ranking" in competitive_benchmarks().note


def test_each_figure_appears_once() -> None:
    names = [figure.who for figure in competitive_benchmarks().figures]
    assert len(names) == len(set(names))
