"""Is there a purchase that this refund returns?"""

from __future__ import annotations

from fraud_platform.core.inflight import InFlight
from fraud_platform.store.reader import DecisionReader
from fraud_platform.store.records import Original
from fraud_platform.wire.transaction import PURCHASE, Transaction
from fraud_platform.wire.validation import Problem

_FIELD = "original_transaction_id"


def refund_problem(
    refund: Transaction, in_flight: InFlight, store: DecisionReader
) -> Problem | None:
    """Why a refund is refused, or None.

    Every decided refund uses up its part of the purchase, whatever the decision: a second claim on
    a purchase whose refund was declined is a matter for a person. Raises ``StoreError``.
    """
    name = refund.original
    assert name is not None, "validation requires a refund's original"
    original = in_flight.original(name) or store.original(name)
    problem = _mismatch(refund, original)
    if problem is not None or original is None:
        return problem
    # In flight and stored refunds may overlap while a commit ends: they are counted by id.
    earlier = {**store.refunds(name), **in_flight.refunds(name)}
    returned = sum(earlier.values())
    if returned >= original.amount:
        return Problem("already_refunded", f"{name} has been refunded in full before", _FIELD)
    if returned + refund.amount > original.amount:
        left = original.amount - returned
        return Problem(
            "refund_above_original",
            f"amount is {refund.amount}; {left} minor units of {name} are left to refund",
            "amount",
        )
    return None


def _mismatch(refund: Transaction, original: Original | None) -> Problem | None:
    if original is None or original.type != PURCHASE or original.user != refund.user:
        message = f"this customer has no purchase {refund.original}"
        return Problem("original_not_found", message, _FIELD)
    if original.currency != refund.currency:
        message = f"currency is {refund.currency}; the purchase was in {original.currency}"
        return Problem("refund_currency_differs", message, "currency")
    return None
