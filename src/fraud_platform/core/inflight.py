"""Transactions taken in but not yet committed.

The deciding thread puts them in, the storage thread takes them out when they are committed. One
lock makes the step from "in flight" to "decided" whole: an id is never in neither.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from fraud_platform.store.records import Original
from fraud_platform.store.seen import SeenIds
from fraud_platform.wire.transaction import Transaction

Origin = tuple[int, int]
"""Who asked: number of the link, and the gateway's token for the request."""


class Pending:
    """One transaction on its way. ``waiters`` sent the same again meanwhile."""

    __slots__ = ("origin", "transaction", "waiters")

    def __init__(self, transaction: Transaction, origin: Origin) -> None:
        self.transaction = transaction
        self.origin = origin
        self.waiters: list[Origin] = []


class Sorted:
    """How a group of arrivals divides."""

    __slots__ = ("conflicts", "decided_before", "fresh")

    def __init__(self) -> None:
        self.fresh: list[Pending] = []
        self.conflicts: list[Origin] = []
        self.decided_before: list[tuple[Origin, Transaction]] = []
        """Probably: their ids may be in the store."""


class InFlight:
    """The transactions on their way, and the ids of those that have arrived."""

    def __init__(self, seen: SeenIds) -> None:
        self._seen = seen
        self._pending: dict[str, Pending] = {}
        self._refunds: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Transactions on their way."""
        return len(self._pending)

    def sort(
        self, arrivals: Sequence[tuple[Origin, Transaction]], looked_up: bool = False
    ) -> Sorted:
        """Take in what is new; a repetition of something on its way waits for it.

        ``looked_up`` says that the store was asked and has none of them.
        """
        result = Sorted()
        maybe = self._seen.maybe
        with self._lock:
            for origin, t in arrivals:
                pending = self._pending.get(t.transaction_id)
                if pending is not None:
                    if pending.transaction.digest == t.digest:
                        pending.waiters.append(origin)
                    else:
                        result.conflicts.append(origin)
                elif not looked_up and maybe(t.transaction_id):
                    result.decided_before.append((origin, t))
                else:
                    result.fresh.append(self._take(t, origin))
        return result

    def original(self, transaction_id: str) -> Original | None:
        """What a refund is checked against, if its purchase is on its way."""
        with self._lock:
            pending = self._pending.get(transaction_id)
        if pending is None:
            return None
        t = pending.transaction
        return Original(t.type, t.user, t.amount, t.currency)

    def refunds(self, original: str) -> dict[str, int]:
        """Amounts of the accepted refunds of a purchase that are on their way, by their ids."""
        with self._lock:
            return dict(self._refunds.get(original, {}))

    def accept_refund(self, refund: Transaction) -> None:
        """From now on this refund counts against its purchase."""
        assert refund.original is not None, "a refund has an original"
        with self._lock:
            self._refunds.setdefault(refund.original, {})[refund.transaction_id] = refund.amount

    def committed(self, ids: Iterable[str]) -> list[Pending]:
        """These are decided and stored."""
        with self._lock:
            done = [self._drop(transaction_id) for transaction_id in ids]
            self._seen.add(pending.transaction.transaction_id for pending in done)
        return done

    def dropped(self, ids: Iterable[str]) -> list[Pending]:
        """These will not be decided."""
        with self._lock:
            return [self._drop(transaction_id) for transaction_id in ids]

    def _take(self, t: Transaction, origin: Origin) -> Pending:
        pending = self._pending[t.transaction_id] = Pending(t, origin)
        return pending

    def _drop(self, transaction_id: str) -> Pending:
        pending = self._pending.pop(transaction_id)
        original = pending.transaction.original
        if original is not None and original in self._refunds:
            refunds = self._refunds[original]
            refunds.pop(transaction_id, None)
            if not refunds:
                del self._refunds[original]
        return pending
