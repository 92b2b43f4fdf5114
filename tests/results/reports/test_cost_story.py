"""What reports say of a bill that is not complete."""

from __future__ import annotations

from dataclasses import replace

from squall.models import CostBreakdown, Usage
from squall.results.reports.story import cost_remarks, cost_sentence

BILL = CostBreakdown((), 1.5, 1.5e-6, "CloudWatch", "AWS list prices, us-east-1, 2026-02")


def test_a_complete_bill_has_no_remarks() -> None:
    assert cost_remarks(BILL) == ""
    assert cost_sentence(BILL) == (
        "$0.0000015 a transaction, $1.50 in all: usage by CloudWatch, prices of AWS list prices, "
        "us-east-1, 2026-02"
    )


def test_what_is_missing_is_told_and_one_transaction_is_not_priced() -> None:
    bill = replace(
        BILL,
        per_transaction_usd=None,
        notes=("one note", "another"),
        unpriced=(Usage("s3", "get_requests", "audit", 7),),
    )
    assert cost_sentence(bill).startswith("A transaction: not measured; $1.50 in all: usage by")
    assert cost_remarks(bill) == (
        "One note. Another. Not in the price book, so not in the sum: s3 get requests (7)."
    )
