from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.metrics.detection import average_precision, detect, precision_at, wilson_interval
from squall.models import Decision, Detection, EdgeCase, Truth, Typology, TypologyDetection
from squall.models.interval import SCORE_BINS, UNLABELLED, UNNAMED_FRAUD

MakeTruth = Callable[..., Truth]


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        # scipy.stats.binomtest(15, 20).proportion_ci(method="wilson") and so on
        (15, 20, 0.5312991, 0.8881383),
        (0, 10, 0.0, 0.2775328),
        (10, 10, 0.7224672, 1.0),
        (1, 1000, 0.0001765, 0.0056426),
    ],
)
def test_wilson_interval_against_published_values(
    hits: int, trials: int, low: float, high: float
) -> None:
    interval = wilson_interval(hits, trials)
    assert interval == pytest.approx((low, high), abs=1e-7)


@given(st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_proportion(case: tuple[int, int]) -> None:
    hits, trials = case
    interval = wilson_interval(hits, trials)
    assert interval is not None
    assert 0 <= interval[0] <= hits / trials + 1e-12
    assert hits / trials - 1e-12 <= interval[1] <= 1


def test_nothing_measured_is_none_not_zero() -> None:
    detection = detect(Truth())
    assert detection.recall is None
    assert detection.recall_interval is None
    assert detection.precision is None
    assert detection.average_precision is None
    assert detection.precision_at_prevalence == {}
    assert wilson_interval(0, 0) is None


def test_review_and_decline_are_positive(make_truth: MakeTruth) -> None:
    detection = detect(
        make_truth(
            {
                (Typology.NONE, Decision.APPROVE): 980,
                (Typology.NONE, Decision.REVIEW): 15,
                (Typology.NONE, Decision.DECLINE): 5,
                (Typology.CARD_TESTING, Decision.DECLINE): 60,
                (Typology.CARD_TESTING, Decision.APPROVE): 20,
                (Typology.BUST_OUT, Decision.REVIEW): 20,
            },
            value=10.0,
        )
    )
    assert (detection.legitimate, detection.fraud) == (1000, 100)
    assert detection.recall == 0.8
    assert detection.false_positive_rate == 0.02
    assert detection.precision == 0.8
    assert detection.accuracy == pytest.approx(1060 / 1100)
    card_testing = detection.by_typology["card_testing"]
    assert (card_testing.transactions, card_testing.detected, card_testing.recall) == (80, 60, 0.75)
    assert (card_testing.value_usd, card_testing.value_detected_usd) == (800.0, 600.0)
    assert detection.by_typology["bust_out"].recall == 1.0
    assert set(detection.by_typology) == {"card_testing", "bust_out"}


def test_fraud_without_a_typology_is_fraud(make_truth: MakeTruth) -> None:
    """Twenty of a hundred are fraud of no named kind, and exactly those are declined."""
    detection = detect(
        make_truth(
            {(Typology.NONE, Decision.APPROVE): 80, (UNNAMED_FRAUD, Decision.DECLINE): 20},
            value=3.0,
        )
    )
    assert (detection.fraud, detection.legitimate) == (20, 80)
    assert (detection.recall, detection.false_positive_rate) == (1.0, 0.0)
    assert (detection.precision, detection.accuracy) == (1.0, 1.0)
    assert detection.by_typology == {"unnamed": TypologyDetection(20, 20, 1.0, 60.0, 60.0)}


def test_without_labels_nothing_is_said_of_accuracy(make_truth: MakeTruth) -> None:
    unlabelled = {(UNLABELLED, Decision.APPROVE): 80, (UNLABELLED, Decision.DECLINE): 20}
    assert detect(make_truth(unlabelled)) == Detection(fraud=None, legitimate=None)


def test_rows_without_a_label_are_in_no_figure(make_truth: MakeTruth) -> None:
    labelled = {(Typology.NONE, Decision.APPROVE): 9, (UNNAMED_FRAUD, Decision.DECLINE): 1}
    some = detect(make_truth({**labelled, (UNLABELLED, Decision.DECLINE): 50}))
    assert some == detect(make_truth(labelled))


def test_without_amounts_no_value_is_stated(make_truth: MakeTruth) -> None:
    truth = make_truth({(Typology.BUST_OUT, Decision.DECLINE): 2}, value=0.0)
    detection = detect(truth, amounts_known=False)
    assert detection.by_typology == {"bust_out": TypologyDetection(2, 2, 1.0, None, None)}


def test_answers_without_a_decision_do_not_count(make_truth: MakeTruth) -> None:
    detection = detect(make_truth({(Typology.NONE, Decision.NONE): 7, (1, Decision.NONE): 3}))
    assert (detection.fraud, detection.legitimate, detection.recall) == (0, 0, None)


def test_precision_is_reweighted_to_stated_prevalences() -> None:
    # Recall 90 % and false positives 0.1 %: 57 % at 0.15 %, 47 % at 0.1 % (docs: never at 15 %).
    assert precision_at(0.0015, 0.9, 0.001) == pytest.approx(0.575, abs=0.001)
    assert precision_at(0.001, 0.9, 0.001) == pytest.approx(0.474, abs=0.001)
    assert precision_at(0.001, 0.0, 0.0) is None


def test_all_three_prevalences_are_reported(make_truth: MakeTruth) -> None:
    detection = detect(
        make_truth(
            {
                (Typology.NONE, Decision.APPROVE): 999,
                (Typology.NONE, Decision.DECLINE): 1,
                (Typology.BUST_OUT, Decision.DECLINE): 9,
                (Typology.BUST_OUT, Decision.APPROVE): 1,
            }
        )
    )
    assert set(detection.precision_at_prevalence) == {"0.015%", "0.1%", "0.5%"}
    assert detection.precision_at_prevalence["0.1%"] == pytest.approx(0.474, abs=0.001)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        # perfect: all fraud above all legitimate
        ({(1, 190): 10, (0, 10): 90}, 1.0),
        # one bin for all: precision is the prevalence
        ({(1, 50): 10, (0, 50): 90}, 0.1),
        # half found cleanly, the rest tied with everything: ½·1 + ½·0.1
        ({(1, 150): 5, (1, 20): 5, (0, 20): 90}, 0.5 + 0.5 * 0.1),
        # worst: all legitimate above
        ({(1, 0): 10, (0, 199): 90}, 0.1),
    ],
)
def test_average_precision(
    make_truth: MakeTruth, scores: dict[tuple[int, int], int], expected: float
) -> None:
    assert average_precision(make_truth({}, scores).scores) == pytest.approx(expected)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, SCORE_BINS - 1)), min_size=1, max_size=60))
def test_average_precision_equals_its_definition_over_single_transactions(
    scored: list[tuple[bool, int]],
) -> None:
    counts = np.zeros((2, SCORE_BINS), np.int64)
    for fraud, place in scored:
        counts[int(fraud), place] += 1
    frauds = [place for fraud, place in scored if fraud]
    measured = average_precision(counts)
    if not frauds:
        assert measured is None
        return
    # Mean over frauds of the precision among all that score at least as high.
    expected = np.mean(
        [sum(f >= s for f in frauds) / sum(p >= s for _, p in scored) for s in frauds]
    )
    assert measured == pytest.approx(float(expected))


def test_edge_cases_are_judged_by_their_documented_outcome(make_truth: MakeTruth) -> None:
    detection = detect(
        make_truth(
            {},
            edge_cases={
                (EdgeCase.ZERO_AMOUNT, 0): 9,
                (EdgeCase.ZERO_AMOUNT, 1): 1,
                (EdgeCase.REFUND, 2): 4,
            },
        )
    )
    zero, refund = detection.edge_cases["zero_amount"], detection.edge_cases["refund"]
    assert (zero.expected, zero.as_documented, zero.otherwise, zero.unknown) == (
        "rejected",
        9,
        1,
        0,
    )
    assert (refund.expected, refund.unknown) == ("decided", 4)
    assert set(detection.edge_cases) == {"zero_amount", "refund"}
    assert (detection.fraud, detection.legitimate) == (0, 0)
