"""Every edge case puts on the wire what ``docs/transactions.md`` says."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest

from squall.load_generator.transactions import FactorySpec
from squall.load_generator.transactions.edges import FIELD_OF
from squall.models import (
    AMOUNT_LIMIT,
    EXPECTED,
    EdgeCase,
    Expected,
    Label,
    Mix,
    TransactionBatch,
    index_of,
)

EPOCH_S = 1_795_000_000.0
LAG = 700
ROWS = 60_000
TAG = "test0000"

Body = dict[str, bytes | None]


@pytest.fixture(scope="module")
def batch() -> TransactionBatch:
    spec = FactorySpec(seed=9, planned=ROWS, epoch_s=EPOCH_S, reference_lag=LAG)
    return spec.build(TAG).batch(np.arange(ROWS))


def body(batch: TransactionBatch, row: int) -> Body:
    written: Body = {name: c.json[row].tobytes() for name, c in batch.columns.items()}
    return {**written, **batch.overrides.get(row, {})}


def value(text: bytes | None) -> object:
    assert text is not None
    return json.loads(text)


def number(body: Body, name: str) -> int:
    found = value(body[name])
    assert isinstance(found, int)
    return found


def word(body: Body, name: str) -> str:
    found = value(body[name])
    assert isinstance(found, str)
    return found


def unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def is_leap_day(body: Body) -> bool:
    stamp = word(body, "timestamp")
    return stamp[5:10] == "02-29" and int(stamp[:4]) % 4 != 0


SIGNS: dict[EdgeCase, Callable[[Body], bool]] = {
    EdgeCase.ZERO_AMOUNT: lambda b: number(b, "amount") == 0,
    EdgeCase.MAXIMUM_AMOUNT: lambda b: number(b, "amount") == 2**63 - 1,
    EdgeCase.NAN_AMOUNT: lambda b: b["amount"] == b"NaN",
    EdgeCase.INFINITE_AMOUNT: lambda b: b["amount"] == b"Infinity",
    EdgeCase.NEGATIVE_REFUND: lambda b: number(b, "amount") < 0 and word(b, "type") == "refund",
    EdgeCase.ORPHAN_REFUND: lambda b: (
        word(b, "type") == "refund"
        and (index_of(word(b, "original_transaction_id"), TAG) or 0) > 10**11
    ),
    EdgeCase.LIMIT_MINUS_ONE: lambda b: number(b, "amount") == AMOUNT_LIMIT - 1,
    EdgeCase.LIMIT_EXACT: lambda b: number(b, "amount") == AMOUNT_LIMIT,
    EdgeCase.LIMIT_PLUS_ONE: lambda b: number(b, "amount") == AMOUNT_LIMIT + 1,
    EdgeCase.FRACTIONAL_AMOUNT: lambda b: isinstance(value(b["amount"]), float),
    EdgeCase.EXPONENT_ZERO: lambda b: word(b, "currency") in {"JPY", "KRW", "CLP", "VND"},
    EdgeCase.EXPONENT_THREE: lambda b: word(b, "currency") in {"BHD", "JOD", "KWD", "OMR", "TND"},
    EdgeCase.UNKNOWN_CURRENCY: lambda b: word(b, "currency") == "ZZZ",
    EdgeCase.DST_GAP: lambda b: word(b, "timestamp")[10:] == "T02:30:00.000+01:00",
    EdgeCase.DST_FOLD: lambda b: word(b, "timestamp")[10:] == "T02:30:00.000+01:00",
    EdgeCase.LEAP_DAY_INVALID: is_leap_day,
    EdgeCase.FUTURE: lambda b: unix(word(b, "timestamp")) > EPOCH_S + 86_400,
    EdgeCase.STALE: lambda b: unix(word(b, "timestamp")) < EPOCH_S - 400 * 86_400,
    EdgeCase.OUT_OF_ORDER: lambda b: unix(word(b, "timestamp")) < EPOCH_S,
    EdgeCase.UNICODE_DECOMPOSED: lambda b: "\u0303" in word(b, "city"),
    EdgeCase.RIGHT_TO_LEFT: lambda b: "\u0627" in word(b, "city"),
    EdgeCase.LOOK_ALIKE: lambda b: "\u0430" in word(b, "city"),
    EdgeCase.NUL_CHARACTER: lambda b: "\x00" in word(b, "city"),
    EdgeCase.OVERSIZED: lambda b: sum(len(v or b"") for v in b.values()) > 16 * 1024,
    EdgeCase.MISSING_FIELD: lambda b: None in b.values(),
}


@pytest.mark.parametrize("case", SIGNS, ids=lambda case: case.name.lower())
def test_a_case_looks_as_documented(batch: TransactionBatch, case: EdgeCase) -> None:
    rows = np.flatnonzero(batch.edge_case == case)
    assert len(rows) >= 20
    assert all(SIGNS[case](body(batch, int(row))) for row in rows)


def test_every_case_occurs_with_its_expected_outcome(batch: TransactionBatch) -> None:
    edges = batch.label == Label.EDGE_CASE
    assert edges.sum() == pytest.approx(ROWS * 0.05, abs=1)
    assert set(batch.edge_case[edges].tolist()) == {int(c) for c in EdgeCase if c}
    expected = [EXPECTED[EdgeCase(case)] for case in batch.edge_case.tolist()]
    assert batch.expected.tolist() == expected


def test_cases_with_an_offset_are_recent_enough_to_be_decided(batch: TransactionBatch) -> None:
    for case in (EdgeCase.DST_GAP, EdgeCase.DST_FOLD):
        row = int(np.flatnonzero(batch.edge_case == case)[0])
        age_days = (EPOCH_S - unix(word(body(batch, row), "timestamp"))) / 86_400
        assert 0 < age_days < 400


def test_repeats_carry_an_earlier_plain_payment(batch: TransactionBatch) -> None:
    for row in np.flatnonzero(batch.edge_case == EdgeCase.SAME_ID_SAME_BODY):
        earlier = int(batch.wire_index[row])
        assert batch.label[earlier] == Label.LEGITIMATE
        assert row - earlier >= LAG
        assert body(batch, int(row)) == body(batch, earlier)
    for row in np.flatnonzero(batch.edge_case == EdgeCase.SAME_ID_OTHER_BODY):
        earlier = int(batch.wire_index[row])
        mine, theirs = body(batch, int(row)), body(batch, earlier)
        assert row - earlier >= LAG
        assert number(mine, "amount") == number(theirs, "amount") + 1
        assert {k for k in mine if mine[k] != theirs[k]} == {"amount"}
    others = batch.expected < Expected.REPLAYED
    assert np.array_equal(batch.wire_index[others], batch.index[others])


def test_refunds_return_a_purchase_in_full_and_only_once(batch: TransactionBatch) -> None:
    refunded: dict[int, list[int]] = defaultdict(list)
    valid = (EdgeCase.REFUND, EdgeCase.DOUBLE_REFUND)
    rows = np.isin(batch.edge_case, valid) | (
        (batch.typology > 0) & (batch.columns["type"].json[:, 1] == ord("r"))
    )
    for row in np.flatnonzero(rows).tolist():
        mine = body(batch, row)
        original = index_of(word(mine, "original_transaction_id"), TAG)
        assert original is not None
        theirs = body(batch, original)
        assert row - original >= LAG
        assert batch.label[original] == Label.LEGITIMATE
        assert (word(mine, "type"), word(theirs, "type")) == ("refund", "purchase")
        for name in ("amount", "currency", "user_id", "card_id", "merchant_id"):
            assert value(mine[name]) == value(theirs[name]), name
        refunded[original].append(row)
    for rows_of in refunded.values():
        kinds = [int(batch.edge_case[row]) for row in sorted(rows_of)]
        assert EdgeCase.DOUBLE_REFUND not in kinds[:1]
        assert all(kind == EdgeCase.DOUBLE_REFUND for kind in kinds[1:])


def test_a_double_refund_follows_the_first_by_the_lag(batch: TransactionBatch) -> None:
    originals = {
        word(body(batch, int(row)), "original_transaction_id"): int(row)
        for row in np.flatnonzero(batch.edge_case == EdgeCase.REFUND)
    }
    doubles = np.flatnonzero(batch.edge_case == EdgeCase.DOUBLE_REFUND)
    assert len(doubles)
    for row in doubles:
        first = originals[word(body(batch, int(row)), "original_transaction_id")]
        assert row - first >= LAG


def test_what_cannot_be_paid_is_worth_nothing(batch: TransactionBatch) -> None:
    refused = batch.expected == Expected.REJECTED
    with_amount = [c for c, name in FIELD_OF.items() if name == "amount"]
    unpaid = refused & np.isin(batch.edge_case, with_amount)
    assert (batch.value_usd[unpaid] == 0).all()
    plain = batch.label != Label.EDGE_CASE
    assert (batch.value_usd[plain] > 0).all()
    assert (batch.amount_minor[plain] >= 1).all()
    assert (batch.amount_minor[plain] < AMOUNT_LIMIT).all()


def test_a_case_whose_field_is_not_sent_is_an_ordinary_payment() -> None:
    fields = frozenset({"transaction_id", "user_id"})
    spec = FactorySpec(seed=9, planned=ROWS, epoch_s=EPOCH_S, reference_lag=LAG)
    part = spec.build(TAG, fields).batch(np.arange(5_000))
    rejected = part.expected == Expected.REJECTED
    assert not rejected.any()
    assert not part.overrides


@pytest.mark.parametrize(
    "mix", [Mix(0.0, 1.0), Mix(1.0, 0.0), Mix(0.0, 0.0), Mix(0.5, 0.5), Mix(0.001, 0.002)]
)
def test_extreme_mixes_are_made(mix: Mix) -> None:
    spec = FactorySpec(seed=2, planned=20_000, epoch_s=EPOCH_S, mix=mix, reference_lag=100)
    made = spec.build(TAG).batch(np.arange(20_000))
    assert (made.label == Label.FRAUD).mean() == pytest.approx(mix.fraud, abs=0.002)
    assert (made.label == Label.EDGE_CASE).mean() == pytest.approx(mix.edge_cases, abs=0.002)
