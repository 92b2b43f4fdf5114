"""Refusing refunds of nothing while their sender is still there.

The function has the last word on refunds, because only it sees all of a purchase. But it is asked
after the fact: who has been told 202 cannot be told 422. So the gateway looks first: at the table,
at purchases that are on their way, and at the refunds that it has let through itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from fraud_platform.stream.decision import Decision
from fraud_platform.stream.ports import Claim
from fraud_platform.stream.refunds import Purchase, check_refund, purchase_of
from fraud_platform.wire.transaction import Transaction
from fraud_platform.wire.validation import Problem

_PURCHASES = 50_000
_REFUNDS = 20_000

Read = Callable[[Collection[str]], Awaitable[Mapping[str, Decision]]]
"""Recorded decisions by id. Raises ``StoreError``."""


class RefundGate:
    """What one gateway knows of refunds and their purchases; bounded."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._purchases: OrderedDict[str, Transaction] = OrderedDict()
        self._let_through: OrderedDict[str, dict[str, int]] = OrderedDict()
        """Amounts of refunds by purchase and id, as far as they were let through here."""

    def purchase(self, t: Transaction) -> None:
        """A purchase on its way can be refunded before its decision is recorded."""
        self._purchases[t.transaction_id] = t
        if len(self._purchases) > _PURCHASES:
            self._purchases.popitem(last=False)

    async def problems(self, refunds: Sequence[Transaction]) -> list[Problem | None]:
        """Why each refund is refused, in order; None lets it through. Raises ``StoreError``."""
        originals = {t.original for t in refunds if t.original is not None}
        ours = {refund for name in originals for refund in self._let_through.get(name, ())}
        recorded = await self._read(originals | ours | {t.transaction_id for t in refunds})
        purchases = self._purchases_of(originals, recorded)
        problems: list[Problem | None] = []
        for t in refunds:
            assert t.original is not None, "validation requires a refund's original"
            let_through = self._let_through.get(t.original, {})
            if t.transaction_id in recorded or t.transaction_id in let_through:
                problems.append(None)  # a repetition: the function answers with what is recorded
                continue
            checked = check_refund(t, purchases)
            if isinstance(checked, Claim):
                purchases[t.original].refunded = checked.after
                self._remember(t.original, t)
                problems.append(None)
            else:
                problems.append(checked)
        return problems

    def _purchases_of(
        self, names: Collection[str], recorded: Mapping[str, Decision]
    ) -> dict[str, Purchase]:
        """The purchases, with all that is known to be used up of them."""
        found: dict[str, Purchase] = {}
        for name in names:
            here = self._purchases.get(name)
            purchase = purchase_of(recorded[name]) if name in recorded else None
            if purchase is None and here is not None and name not in recorded:
                purchase = Purchase(here.type, here.user, here.amount, here.currency)
            if purchase is not None:
                ours = self._let_through.get(name, {})
                purchase.refunded += sum(
                    amount for refund, amount in ours.items() if refund not in recorded
                )
                found[name] = purchase
        return found

    def _remember(self, original: str, t: Transaction) -> None:
        self._let_through.setdefault(original, {})[t.transaction_id] = t.amount
        self._let_through.move_to_end(original)
        if len(self._let_through) > _REFUNDS:
            self._let_through.popitem(last=False)
