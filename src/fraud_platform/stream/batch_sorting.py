"""Which of a batch's transactions are new, and what becomes of the others.

A transaction may have come before: in this batch, in an earlier one of this environment, or in a
batch that another environment did not finish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from fraud_platform.stream.decision import REFUSED, Decision, Origin, Outcome
from fraud_platform.wire.transaction import Transaction


class Coming(Protocol):
    """One transaction of a batch, as this module needs it."""

    @property
    def transaction(self) -> Transaction:
        """The transaction."""
        ...

    @property
    def origin(self) -> Origin:
        """Where it was read."""
        ...


C = TypeVar("C", bound=Coming)


class Groups(Generic[C]):
    """How a batch divides."""

    def __init__(self) -> None:
        self.fresh: list[C] = []
        """To be decided; ids differ."""
        self.maybe_recorded: list[C] = []
        """Their records have been applied to the customer's profile: they were decided."""
        self.repeats: list[C] = []
        """Of an id that stands earlier in this batch."""
        self.outcomes: list[Outcome] = []
        """Of those that need nothing more."""


class Sorting:
    """What an environment remembers of decisions; bounded."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._recorded: dict[str, Decision] = {}
        self._judged: dict[str, Decision] = {}

    def sort(
        self,
        incoming: Sequence[C],
        applied: Callable[[str], int],
        remembers: Callable[[Transaction], bool],
    ) -> Groups[C]:
        """Divide a batch.

        ``applied``: the newest sequence number in a customer's profile. ``remembers``: whether the
        profile is the one that a transaction was judged with.
        """
        groups: Groups[C] = Groups()
        here: set[str] = set()
        for coming in incoming:
            t = coming.transaction
            recorded = self._recorded.get(t.transaction_id)
            if recorded is not None and not _unlearnt(recorded, coming.origin, applied(t.user)):
                groups.outcomes.append(repeat_of(recorded, t.digest))
            elif t.transaction_id in here:
                groups.repeats.append(coming)
            else:
                here.add(t.transaction_id)
                known = coming.origin.sequence <= applied(t.user)
                judged = t.transaction_id in self._judged and remembers(t)
                if known and not judged:
                    groups.maybe_recorded.append(coming)
                else:
                    groups.fresh.append(coming)
        return groups

    def resolve(self, groups: Groups[C], recorded: Mapping[str, Decision]) -> None:
        """Divide ``maybe_recorded`` by what the table has; the order of arrival is kept."""
        unknown = []
        for coming in groups.maybe_recorded:
            found = recorded.get(coming.transaction.transaction_id)
            if found is None:
                unknown.append(coming)
            else:
                groups.outcomes.append(repeat_of(found, coming.transaction.digest))
        if unknown:
            groups.fresh = sorted([*groups.fresh, *unknown], key=lambda c: c.origin.sequence)

    def answer_repeats(self, groups: Groups[C], outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Outcomes of the repeats inside a batch."""
        if not groups.repeats:
            return []
        known = {o.decision.transaction_id: o.decision for o in (*groups.outcomes, *outcomes)}
        return [
            repeat_of(known[coming.transaction.transaction_id], coming.transaction.digest)
            for coming in groups.repeats
        ]

    def judged_before(self, t: Transaction) -> Decision | None:
        """A decision that was made on the same content and not recorded."""
        judged = self._judged.get(t.transaction_id)
        return judged if judged is not None and judged.digest == t.digest else None

    def keep(self, judged: Iterable[Decision]) -> None:
        """Decisions that are about to be recorded."""
        for decision in judged:
            self._judged[decision.transaction_id] = decision
        _shorten(self._judged, self._limit)

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """These are recorded."""
        for outcome in outcomes:
            name = outcome.decision.transaction_id
            self._judged.pop(name, None)
            self._recorded[name] = outcome.decision
        _shorten(self._recorded, self._limit)


def repeat_of(recorded: Decision, digest: bytes) -> Outcome:
    """What a transaction gets whose id has a decision."""
    return Outcome(recorded, replay=True, conflict=None if recorded.digest == digest else digest)


def _unlearnt(recorded: Decision, origin: Origin, applied: int) -> bool:
    """Whether it was recorded from this very record, and its customer's profile was not stored.

    That has been loaded anew since: it is decided once more, and the recorded decision stands.
    """
    same = (recorded.shard, recorded.sequence) == (origin.shard, origin.sequence)
    return same and origin.sequence > applied and recorded.decision != REFUSED


def _shorten(memory: dict[str, Decision], limit: int) -> None:
    surplus = len(memory) - limit
    for name in [k for k, _ in zip(memory, range(max(0, surplus)), strict=False)]:
        del memory[name]
