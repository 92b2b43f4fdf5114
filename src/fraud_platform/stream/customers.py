"""Bringing customers' profiles in before they are needed, and storing them afterwards.

A territory (a lane, or a shard for records that are not packs) has an owner: the environment
that decided there last. While it owns a territory an environment trusts the profiles it
holds; when it takes one over it loads them anew. The versions of the profiles guard the rest: what
was changed meanwhile by somebody else is not overwritten, it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from fraud_platform.stream.decision import REFUSED, Origin, Outcome
from fraud_platform.stream.memory import StreamMemory
from fraud_platform.stream.ports import (
    PROFILES_TOGETHER,
    Owner,
    OwnerTable,
    ProfileRow,
    ProfileTable,
)
from fraud_platform.stream.profiles import Made, read_profile
from fraud_platform.wire.transaction import Transaction

HELD = 200_000
"""Most profiles that an environment holds."""
_NOBODYS = "direct"
"""Territory of transactions that came by no stream: profiles are loaded every time."""


class Seen(Protocol):
    """A transaction that the memory has seen, and where it was read."""

    @property
    def transaction(self) -> Transaction:
        """The transaction."""
        ...

    @property
    def origin(self) -> Origin:
        """Where it was read."""
        ...


class Customers:
    """The profiles of one environment, called ``name``."""

    def __init__(
        self, name: str, memory: StreamMemory, table: ProfileTable, owners: OwnerTable
    ) -> None:
        self._name = name
        self._memory = memory
        self._table = table
        self._owners = owners
        self._epochs: dict[str, int] = {}
        self.loads = 0
        """Profiles asked for."""
        self.takeovers = 0
        self.overtaken = 0
        """Profiles that somebody else had changed meanwhile."""

    def bring(self, territories: Mapping[str, str]) -> None:
        """Have the profiles of all customers (territory by user); raises ``StoreError``."""
        self._own(set(territories.values()))
        self._memory.trim(HELD)
        self._load(self._memory.unknown(territories), territories)

    def _load(self, missing: Sequence[str], territories: Mapping[str, str]) -> None:
        if missing:
            self.loads += len(missing)
            found = self._table.read(missing)
            loaded = {
                user: read_profile(found[user][1], found[user][0]) if user in found else None
                for user in missing
            }
            self._memory.settle(loaded, territories)
            for user, stored in loaded.items():
                if stored is None and user in found:  # damaged: begin anew, but after it
                    self._memory.profile(user).version = found[user][0]

    def applied(self, user: str) -> int:
        """The newest sequence number that a customer's profile has seen."""
        return self._memory.profile(user).applied

    def remembers(self, t: Transaction) -> bool:
        """Whether the customer's profile has seen it, and not been loaded anew since."""
        profile = self._memory.held(t.user)
        return profile is not None and t.transaction_id in profile.untold

    def learn(self, seen: Sequence[Seen]) -> None:
        """Have the memory see these, which it has forgotten."""
        self._memory.observe([one.transaction for one in seen])
        self.observed(seen)

    def observed(self, seen: Sequence[Seen]) -> None:
        """The memory has seen these."""
        for one in seen:
            profile = self._memory.profile(one.transaction.user)
            profile.applied = max(profile.applied, one.origin.sequence)
            profile.untold.add(one.transaction.transaction_id)

    def decided(self, outcomes: Iterable[Outcome]) -> None:
        """These are recorded: what profiles have seen and not counted yet is counted.

        By the recorded decision, whoever made it: so a profile's counts are those of the table.
        """
        for outcome in outcomes:
            d = outcome.decision
            profile = self._memory.held(d.user)
            if profile is None or d.transaction_id not in profile.untold:
                continue
            profile.untold.remove(d.transaction_id)
            if outcome.conflict is None and d.decision != REFUSED:
                made = Made(d.transaction_id, d.decision, d.amount, d.currency)
                profile.count(made, d.arrived_s)

    def relearn(self, territories: Mapping[str, str], seen: Sequence[Seen]) -> None:
        """Take these customers as they are stored, and then ``seen``; raises ``StoreError``."""
        for user in territories:
            self._memory.forget(user)
        self._load(list(territories), territories)
        self.learn(seen)

    def drop(self, users: Iterable[str]) -> None:
        """Something went wrong half-way: load these anew before they are used again."""
        for user in users:
            self._memory.forget(user)

    def store(self, users: Iterable[str]) -> None:
        """Store the profiles of these customers; raises ``StoreError``."""
        rows = [
            ProfileRow(user, self._memory.profile(user).version, self._memory.pack(user))
            for user in dict.fromkeys(users)
        ]
        for start in range(0, len(rows), PROFILES_TOGETHER):
            self._store(rows[start : start + PROFILES_TOGETHER])

    def _store(self, rows: Sequence[ProfileRow]) -> None:
        overtaken = set(self._table.write(rows))
        for row in rows:
            if row.user in overtaken:
                self._memory.forget(row.user)
            else:
                self._memory.profile(row.user).version += 1
        self.overtaken += len(overtaken)

    def _own(self, territories: set[str]) -> None:
        if _NOBODYS in territories:
            territories = territories - {_NOBODYS}
            self._memory.leave(_NOBODYS)
        if not territories:
            return
        owners = self._owners.read(territories)
        for territory in sorted(territories):
            owner = owners.get(territory)
            if owner == Owner(self._name, self._epochs.get(territory, -1)):
                continue
            self._take(territory, owner)

    def _take(self, territory: str, owner: Owner | None) -> None:
        """Become the owner; what is held of the territory is loaded anew."""
        self.takeovers += 1
        self._memory.leave(territory)
        self._epochs.pop(territory, None)
        if self._owners.take(territory, self._name, owner):
            self._epochs[territory] = (owner.epoch if owner else 0) + 1
