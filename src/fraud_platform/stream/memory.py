"""The agents' memory in a process that comes and goes.

What belongs to a customer (habits, cards, whom it has met) is a profile that is stored and
loaded. What customers share (devices, addresses, networks, merchants, receiving accounts) is
remembered by this process alone, for as long as it lives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fraud_platform.state.customer import Customer
from fraud_platform.state.features import FeatureExtractor, Meetings, MemoryLimits
from fraud_platform.state.memory import BoundedMemory
from fraud_platform.state.scales import AmountScales
from fraud_platform.stream.profiles import Profile, StoredProfile, profile_bytes
from fraud_platform.wire.transaction import Transaction


class _Customers(BoundedMemory[str, Customer]):
    """Customers that can be dropped one by one."""

    __slots__ = ()

    def drop(self, user: str) -> None:
        self._entries.pop(user, None)


class StreamMemory(FeatureExtractor):
    """A feature extractor whose customers can be stored and loaded."""

    def __init__(self, scales: AmountScales, limits: MemoryLimits | None = None) -> None:
        limits = limits or MemoryLimits()
        super().__init__(scales, limits)
        self._stored_customers = _Customers(limits.customers, Customer)
        self._customers = self._stored_customers
        self._profiles: dict[str, Profile] = {}
        self._by_territory: dict[str, set[str]] = {}

    def unknown(self, users: Iterable[str]) -> list[str]:
        """Those whose profile must be loaded first."""
        customers = self._customers
        unknown = []
        for user in users:
            profile = self._profiles.get(user)
            if profile is None or (profile.version and customers.get(user) is None):
                unknown.append(user)
        return unknown

    def settle(
        self, users: Mapping[str, StoredProfile | None], territory: Mapping[str, str]
    ) -> None:
        """Take what was loaded; None begins a new customer. ``territory`` is by user."""
        for user, stored in users.items():
            self.forget(user)
            profile = Profile() if stored is None else stored.profile
            profile.territory = territory[user]
            self._profiles[user] = profile
            self._by_territory.setdefault(profile.territory, set()).add(user)
            if stored is None:
                self._stored_customers.drop(user)  # what an unfinished batch left behind
                continue
            stored.restore_customer(self._customers.of(user, 0.0))
            for name in stored.cards:
                stored.restore_card(name, self._cards.of(name, 0.0))

    def forget(self, user: str) -> None:
        """Drop a customer's profile: it has to be loaded before it is used again."""
        profile = self._profiles.pop(user, None)
        if profile is not None:
            self._by_territory[profile.territory].discard(user)

    def leave(self, territory: str) -> None:
        """Somebody else has decided there: what is remembered of its customers may be old."""
        for user in self._by_territory.pop(territory, ()):
            self._profiles.pop(user, None)

    def held(self, user: str) -> Profile | None:
        """A customer's profile, if it is held."""
        return self._profiles.get(user)

    def profile(self, user: str) -> Profile:
        """A settled customer's profile."""
        return self._profiles[user]

    def pack(self, user: str) -> bytes:
        """A customer's profile as it is stored."""
        profile = self._profiles[user]
        found = {name: self._cards.get(name) for name in profile.cards}
        cards = {name: card for name, card in found.items() if card is not None}
        return profile_bytes(profile, self._customers.of(user, 0.0), cards)

    def trim(self, most: int) -> None:
        """Keep at most so many profiles: those loaded first go."""
        surplus = len(self._profiles) - most
        for user in [u for u, _ in zip(self._profiles, range(max(0, surplus)), strict=False)]:
            self.forget(user)

    def _meetings(self, t: Transaction) -> Meetings:
        """As in the base class, counted in the customer's profile."""
        profile = self._profiles[t.user]
        meet = profile.meet
        profile.hold(t.card)
        return (
            meet(f"1{t.card}"),
            -1 if t.device is None else meet(f"2{t.device}"),
            -1 if t.merchant is None else meet(f"3{t.card}|{t.merchant}"),
            -1 if t.payee is None else meet(f"4{t.payee}"),
            meet(f"5{t.country}"),
        )
