from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fraud_platform.documents import timestamp, transaction

from fraud_platform.agents.evidence import Evidence
from fraud_platform.learning.history import History
from fraud_platform.learning.training import replay
from fraud_platform.state.features import NAMES, FeatureExtractor
from fraud_platform.state.geography import distance_km
from fraud_platform.state.scales import learn_scales
from fraud_platform.wire.transaction import Transaction

NO_EXPONENTS = {"JPY": 0}
SCALES = learn_scales([transaction(number) for number in range(60)], NO_EXPONENTS)


def observe(*transactions: Transaction) -> Evidence:
    return Evidence(transactions, FeatureExtractor(SCALES).observe(transactions))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_batch_boundaries_change_nothing(history: History, sizes: list[int]) -> None:
    """What serving computes in batches of any size is what training computed."""
    transactions = history.transactions[:1200]
    expected = replay(transactions, FeatureExtractor(SCALES)).matrix
    extractor = FeatureExtractor(SCALES)
    start = 0
    for size in [*sizes, len(transactions)]:
        got = extractor.observe(transactions[start : start + size])
        np.testing.assert_array_equal(got, expected[start : start + size])
        start += size


def test_the_same_history_gives_the_same_features(history: History) -> None:
    transactions = history.transactions[:500]
    one = FeatureExtractor(SCALES).observe(transactions)
    np.testing.assert_array_equal(one, FeatureExtractor(SCALES).observe(transactions))
    assert np.isfinite(one).all()
    assert one.shape == (500, len(NAMES))


def test_no_transactions_no_rows() -> None:
    assert FeatureExtractor(SCALES).observe([]).shape == (0, len(NAMES))


def test_impossible_travel_shows_as_speed() -> None:
    here = transaction(1, channel="chip", timestamp=timestamp(-7200), device_id=None, ip=None)
    there = transaction(
        51, channel="chip", timestamp=timestamp(-3600), device_id=None, ip=None,
        country="US", latitude=40.7, longitude=-74.0,
    )  # fmt: skip
    seen = observe(here, there)
    assert seen["speed_kmh"][0] == -1.0
    assert seen["speed_kmh"][1] == pytest.approx(distance_km(52.52, 13.4, 40.7, -74.0), rel=0.001)
    assert seen["known_country"].tolist() == [0, 0]


def test_a_device_with_many_cards_shows() -> None:
    tries = [transaction(n, device_id="d-x", amount=100) for n in range(6)]
    seen = observe(*tries)
    assert seen["device_cards"].tolist() == [1, 2, 3, 4, 5, 6]
    assert seen["device_users"].tolist() == [1, 2, 3, 4, 5, 6]
    assert (np.diff(seen["device_small_fast"]) > 0).all()


def test_fan_in_shows_on_the_account_and_inflow_on_its_owner() -> None:
    paid = [
        transaction(n, type="transfer", channel="transfer", merchant_id=None, payee_id="u-40")
        for n in range(4)
    ]
    seen = observe(*paid, transaction(40))
    assert seen["payee_payers"].tolist() == [1, 2, 3, 4, -1]
    assert seen["user_inflow"][4] > 3.5
    assert (seen["user_inflow"][:4] == -1).all()


def test_what_does_not_apply_is_minus_one() -> None:
    seen = observe(transaction(1, channel="chip", device_id=None, ip=None, device_age_days=None))
    for name in ("device_n", "ip_n", "net_day", "payee_n", "device_age", "known_device"):
        assert seen[name][0] == -1, name


def test_an_event_an_hour_late_counts_but_does_not_move_the_clock() -> None:
    late = transaction(51, timestamp=timestamp(-7200))
    seen = observe(transaction(1, timestamp=timestamp(-3600)), late)
    assert seen["user_gap_s"].tolist() == [-1, 0]
    assert 1.0 < seen["user_fast"][1] < 1.1
    assert 1.9 < seen["user_day"][1] < 2.0


@pytest.mark.parametrize(
    ("amount", "currency", "zeros", "below"),
    [
        (985_000, "EUR", 1, 0.015),
        (1_000_000, "EUR", 4, 0.0),
        (1999, "EUR", -2, 0.0005),
        (9_850, "JPY", 1, 0.015),
    ],
)
def test_roundness(amount: int, currency: str, zeros: int, below: float) -> None:
    seen = observe(transaction(1, amount=amount, currency=currency))
    assert seen["zeros"][0] == zeros
    assert seen["below_round"][0] == pytest.approx(below, abs=1e-6)


def test_scales_fall_back_from_place_to_currency_to_decimals() -> None:
    assert SCALES.of("EUR", "DE") == 1250
    assert SCALES.of("EUR", "FR") == 1250
    assert SCALES.of("USD", "US") == pytest.approx(1250)
    assert SCALES.of("JPY", "JP") == pytest.approx(12.5)
