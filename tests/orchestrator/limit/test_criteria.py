import pytest

from squall.errors import CriterionError
from squall.orchestrator.limit.criteria import DEFAULT_CRITERIA, default_criteria, for_steps


def test_the_defaults_can_all_be_judged_on_a_step() -> None:
    assert [criterion.text for criterion in for_steps(DEFAULT_CRITERIA).judged] == list(
        DEFAULT_CRITERIA
    )


def test_phases_of_a_scenario_are_dropped() -> None:
    text = "not (error_rate > 1 % in phase hold or latency_ms.response.p95 > 1 s in phase hold)"
    (criterion,) = for_steps([text]).judged
    assert criterion.phases == ()
    assert criterion.text == text
    both = "accounting.accepted >= 99 % of accounting.planned in phase hold"
    (criterion,) = for_steps([both]).judged
    assert criterion.phases == ()


@pytest.mark.parametrize(
    "text",
    [
        "stability.passed",
        "throughput.peak_tps >= 9,000 and accounting.lost == 0",
        "latency_ms.response.p95 < 1 s or not stability.passed",
        "not error_rate in phase a > 2 of error_rate in phase b",
        "error_rate in phase a <= 2 of error_rate and accounting.lost == 0",
    ],
)
def test_what_needs_the_whole_scenario_is_left_out(text: str) -> None:
    criteria = for_steps([text, "accounting.lost == 0"])
    assert criteria.left_out == (text,)
    assert len(criteria.judged) == 1


def test_what_is_no_criterion_is_refused() -> None:
    with pytest.raises(CriterionError):
        for_steps(["latency is good"])


@pytest.mark.parametrize(
    ("target", "follows"),
    [
        ("stream", True),
        ("kinesis://t?decisions=kinesis://d", True),
        ("kinesis://t", False),
        ("inline", False),
        ("http://127.0.0.1:1", False),
    ],
)
def test_decisions_have_a_criterion_where_they_are_followed(target: str, follows: bool) -> None:
    assert any("decision" in text for text in default_criteria(target)) is follows
