from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.results.example import small_results

from squall.business import business_metrics, hero_metrics
from squall.models import BusinessMetrics, Decision, Truth, Typology
from squall.models.interval import TRUTH_SHAPE, UNLABELLED, UNNAMED_FRAUD


def _truth(cells: dict[tuple[int, Decision], tuple[int, float]]) -> Truth:
    truth = Truth()
    for (row, decision), (count, value) in cells.items():
        truth.decisions[row, decision] = count
        truth.value_usd[row, decision] = value
    return truth


def test_held_fraud_is_stopped_and_approved_fraud_is_missed() -> None:
    metrics = business_metrics(
        _truth(
            {
                (Typology.NONE, Decision.APPROVE): (90, 9_000.0),
                (Typology.NONE, Decision.REVIEW): (2, 150.0),
                (Typology.NONE, Decision.DECLINE): (1, 50.0),
                (Typology.CARD_TESTING, Decision.DECLINE): (4, 40.0),
                (Typology.MULE_NETWORK, Decision.REVIEW): (1, 800.0),
                (Typology.BUST_OUT, Decision.APPROVE): (1, 160.0),
            }
        ),
        "2026-01-02",
    )
    assert metrics.rates_as_of == "2026-01-02"
    assert metrics.processed_value == 10_200.0
    assert metrics.fraud_value == 1_000.0
    assert metrics.fraud_value_stopped == 840.0
    assert metrics.fraud_value_missed == 160.0
    assert metrics.legitimate_value_declined == 200.0


def test_fraud_without_a_typology_is_worth_as_much() -> None:
    metrics = business_metrics(
        _truth(
            {
                (Typology.NONE, Decision.APPROVE): (80, 800.0),
                (UNNAMED_FRAUD, Decision.DECLINE): (15, 150.0),
                (UNNAMED_FRAUD, Decision.APPROVE): (5, 50.0),
            }
        ),
        "",
    )
    assert (metrics.processed_value, metrics.fraud_value) == (1_000.0, 200.0)
    assert (metrics.fraud_value_stopped, metrics.fraud_value_missed) == (150.0, 50.0)
    assert metrics.legitimate_value_declined == 0.0


def test_without_labels_only_what_was_processed_is_known() -> None:
    truth = _truth({(UNLABELLED, Decision.DECLINE): (4, 90.0)})
    assert business_metrics(truth, "2026-01-02") == BusinessMetrics(
        rates_as_of="2026-01-02", processed_value=90.0
    )


def test_without_amounts_nothing_is_stated_in_money() -> None:
    truth = _truth({(Typology.BUST_OUT, Decision.DECLINE): (4, 0.0)})
    metrics = business_metrics(truth, "2026-01-02", amounts_known=False)
    assert metrics == BusinessMetrics(rates_as_of="2026-01-02")


def test_nothing_decided_is_not_measured_rather_than_zero() -> None:
    metrics = business_metrics(Truth(), "2026-01-02")
    assert metrics.processed_value is None
    assert metrics.fraud_value_stopped is None


@given(arrays.arrays(np.float64, TRUTH_SHAPE, elements=st.floats(0, 1e12)))
def test_the_parts_add_up(values: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    truth = Truth(decisions=np.ones(TRUTH_SHAPE, np.int64), value_usd=values)
    metrics = business_metrics(truth, "")
    assert metrics.fraud_value is not None
    assert metrics.fraud_value_stopped is not None
    assert metrics.fraud_value_missed is not None
    assert metrics.processed_value is not None
    parts = metrics.fraud_value_stopped + metrics.fraud_value_missed
    assert parts == pytest.approx(metrics.fraud_value, rel=1e-9, abs=0.02)
    assert metrics.fraud_value <= metrics.processed_value + 0.02


def test_hero_metrics_are_the_run_s_own_figures() -> None:
    results = small_results()
    hero = hero_metrics(results)
    assert hero.transactions == results.accounting.accepted
    assert hero.peak_tps == results.throughput.peak_tps
    assert hero.lost == 0
    assert hero.fraud_recall == results.detection.recall
    assert hero.fraud_value_stopped_usd == results.business.fraud_value_stopped
    assert hero.response_ms_p99 == results.latency_ms.response.p99


def test_an_unknown_loss_stays_unknown() -> None:
    results = small_results()
    unread = dataclasses.replace(results.accounting, lost=None)
    assert hero_metrics(dataclasses.replace(results, accounting=unread)).lost is None
