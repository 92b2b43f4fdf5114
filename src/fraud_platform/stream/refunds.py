"""Is there a purchase that a refund returns? As in inline mode, from the decision table.

Every decided refund uses up its part of the purchase. The part is claimed in the same step in which
the refund is recorded, so that no two refunds can use the same part, wherever they are decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fraud_platform.stream.decision import REFUSED, Decision, Outcome, refused
from fraud_platform.stream.ports import Claim, DecisionTable, Entry
from fraud_platform.stream.recorder import CHUNK, Recorder
from fraud_platform.wire.transaction import PURCHASE, REFUND, Transaction
from fraud_platform.wire.validation import Problem

_FIELD = "original_transaction_id"


class Purchase:
    """What a refund is checked against; ``refunded`` in minor units."""

    __slots__ = ("amount", "currency", "refunded", "type", "user")

    def __init__(self, kind: int, user: str, amount: int, currency: str, refunded: int = 0) -> None:
        self.type = kind
        self.user = user
        self.amount = amount
        self.currency = currency
        self.refunded = refunded


def purchase_of(decision: Decision) -> Purchase | None:
    """A recorded decision as a purchase; None where the transaction was refused."""
    if decision.decision == REFUSED:
        return None
    d = decision
    return Purchase(d.type, d.user, d.amount, d.currency, d.refunded)


def check_refund(refund: Transaction, purchases: Mapping[str, Purchase]) -> Claim | Problem:
    """The refund's claim, or why it is refused. Does not change ``purchases``."""
    name = refund.original
    assert name is not None, "validation requires a refund's original"
    purchase = purchases.get(name)
    if purchase is None or purchase.type != PURCHASE or purchase.user != refund.user:
        message = f"this customer has no purchase {name}"
        return Problem("original_not_found", message, _FIELD)
    if purchase.currency != refund.currency:
        message = f"currency is {refund.currency}; the purchase was in {purchase.currency}"
        return Problem("refund_currency_differs", message, "currency")
    if purchase.refunded >= purchase.amount:
        return Problem("already_refunded", f"{name} has been refunded in full before", _FIELD)
    after = purchase.refunded + refund.amount
    if after > purchase.amount:
        left = purchase.amount - purchase.refunded
        return Problem(
            "refund_above_original",
            f"amount is {refund.amount}; {left} minor units of {name} are left to refund",
            "amount",
        )
    return Claim(name, purchase.refunded, after)


class RefundDesk:
    """Checks refunds against the table and records them with their claims."""

    def __init__(self, table: DecisionTable, recorder: Recorder) -> None:
        self._table = table
        self._recorder = recorder

    def check(self, fresh: Sequence[Transaction]) -> dict[str, Claim | Problem]:
        """Claims and refusals by id of a batch's refunds; a purchase may stand earlier in it."""
        refunds = [t for t in fresh if t.type == REFUND]
        if not refunds:
            return {}
        here = {t.transaction_id for t in fresh}
        purchases = self._purchases({t.original for t in refunds if t.original not in here})
        checked: dict[str, Claim | Problem] = {}
        for t in fresh:
            if t.type != REFUND:
                purchases[t.transaction_id] = Purchase(t.type, t.user, t.amount, t.currency)
                continue
            result = checked[t.transaction_id] = check_refund(t, purchases)
            if isinstance(result, Claim):
                purchases[result.original].refunded = result.after
        return checked

    def record(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Record refunds, in their order; checked anew where others refunded meanwhile."""
        outcomes: dict[str, Outcome] = {}
        left = list(entries)
        while left:
            wave = _first_of_each(left)
            for entry, outcome in zip(wave, self._recorder.record_claiming(wave), strict=True):
                left.remove(entry)
                if outcome is None:
                    again = self._renew(entry)
                    if isinstance(again, Outcome):
                        outcome = again
                    else:
                        left.insert(0, again)
                        continue
                outcomes[entry.decision.transaction_id] = outcome
        return [outcomes[entry.decision.transaction_id] for entry in entries]

    def _renew(self, entry: Entry) -> Entry | Outcome:
        """A new claim, or the end of a refund whose purchase has been used up."""
        decision, claim = entry
        assert claim is not None, "only entries with a claim lose it"
        purchase = self._purchases({claim.original}).get(claim.original)
        left = 0 if purchase is None else purchase.amount - purchase.refunded
        if purchase is None or decision.amount > left:
            problem = Problem(
                "refund_above_original",
                f"amount is {decision.amount}; {left} minor units of {claim.original} are left to"
                " refund",
                "amount",
            )
            return self._recorder.record([refused(decision, problem)])[0]
        after = purchase.refunded + decision.amount
        return Entry(decision, Claim(claim.original, purchase.refunded, after))

    def _purchases(self, names: Iterable[str | None]) -> dict[str, Purchase]:
        asked = {name for name in names if name is not None}
        if not asked:
            return {}
        found = {name: purchase_of(d) for name, d in self._table.read(asked).items()}
        return {name: purchase for name, purchase in found.items() if purchase is not None}


def _first_of_each(entries: Iterable[Entry]) -> list[Entry]:
    """The first refund of each purchase, as many as fit one step."""
    wave: dict[str, Entry] = {}
    for entry in entries:
        assert entry.claim is not None, "a refund has a claim"
        if entry.claim.original not in wave:
            wave[entry.claim.original] = entry
        if len(wave) == CHUNK // 2:
            break
    return list(wave.values())
