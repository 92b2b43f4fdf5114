"""Small in-memory ports, with faults where a test wants them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from fraud_platform.errors import StoreError
from fraud_platform.stream.decision import Decision, Outcome, blob, read_blob
from fraud_platform.stream.ports import (
    PROFILES_TOGETHER,
    Clash,
    Entry,
    Missed,
    Owner,
    ProfileRow,
)


class Crash(BaseException):
    """The process dies here; nobody may catch it and go on."""


class Faults:
    """Runs ``before`` a numbered effect; a test sets what happens there."""

    def __init__(self) -> None:
        self.count = 0
        self.at: dict[int, Callable[[], None]] = {}

    def effect(self) -> None:
        self.count += 1
        action = self.at.pop(self.count, None)
        if action is not None:
            action()


def crash() -> None:
    raise Crash


def unavailable() -> None:
    raise StoreError("unavailable")


class SameThread(Executor):
    """Runs everything at once, where it was submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class FakeTable:
    """Decisions, with the table's own rules."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.items: dict[str, Decision] = {}
        self.refunded: dict[str, int] = {}
        self.writes: list[str] = []
        self.contended = 0
        self.lose_answer = False

    def insert(self, entries: Sequence[Entry]) -> Sequence[Clash]:
        self.faults.effect()
        assert 0 < len(entries) <= 100
        names = [entry.decision.transaction_id for entry in entries]
        assert len(set(names)) == len(names), "one action per item"
        if self.contended:
            self.contended -= 1
            return [Missed.CONTENDED] * len(entries)
        clashes: list[Clash] = [self._clash(entry) for entry in entries]
        if any(clash is not None for clash in clashes):
            return clashes
        for entry in entries:
            decision = entry.decision
            self.items[decision.transaction_id] = _through_the_wire(decision)
            self.writes.append(decision.transaction_id)
            if entry.claim is not None:
                self.refunded[entry.claim.original] = entry.claim.after
        if self.lose_answer:  # committed; the client tries again
            self.lose_answer = False
            return self.insert(entries)
        return ()

    def read(self, transaction_ids: Collection[str]) -> dict[str, Decision]:
        found = {name: self.items[name] for name in transaction_ids if name in self.items}
        return {
            name: decision._replace(refunded=self.refunded.get(name, 0))
            for name, decision in found.items()
        }

    def _clash(self, entry: Entry) -> Clash:
        existing = self.items.get(entry.decision.transaction_id)
        if existing is not None:
            return existing
        claim = entry.claim
        if claim is not None and self.refunded.get(claim.original, 0) != claim.before:
            return Missed.CLAIM_LOST
        return None


def _through_the_wire(d: Decision) -> Decision:
    return read_blob(d.transaction_id, d.decision, d.amount, blob(d), 0)


class FakeProfiles:
    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.items: dict[str, tuple[int, bytes]] = {}
        self.reads = 0

    def read(self, users: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        self.reads += len(users)
        return {user: self.items[user] for user in users if user in self.items}

    def write(self, rows: Sequence[ProfileRow]) -> list[str]:
        self.faults.effect()
        assert 0 < len(rows) <= PROFILES_TOGETHER
        overtaken = []
        for row in rows:
            if self.items.get(row.user, (0, b""))[0] == row.version:
                self.items[row.user] = (row.version + 1, row.content)
            else:
                overtaken.append(row.user)
        return overtaken


class FakeOwners:
    def __init__(self) -> None:
        self.items: dict[str, Owner] = {}

    def read(self, territories: Collection[str]) -> dict[str, Owner]:
        return {name: self.items[name] for name in territories if name in self.items}

    def take(self, territory: str, name: str, before: Owner | None) -> bool:
        if self.items.get(territory) != before:
            return False
        self.items[territory] = Owner(name, (before.epoch if before else 0) + 1)
        return True


class FakeStream:
    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.published: list[Outcome] = []

    def publish(self, outcomes: Sequence[Outcome]) -> None:
        self.faults.effect()
        self.published += outcomes


class FakeBucket:
    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.objects: dict[str, bytes] = {}
        self.lose_answer = False

    def put_new(self, key: str, content: bytes) -> bool:
        self.faults.effect()
        if key in self.objects:
            return False
        self.objects[key] = content
        if self.lose_answer:
            self.lose_answer = False
            return False
        return True

    def get(self, key: str) -> bytes | None:
        return self.objects.get(key)


class FakeLetters:
    def __init__(self) -> None:
        self.messages: list[Mapping[str, Any]] = []

    def send(self, messages: Sequence[Mapping[str, Any]]) -> None:
        self.messages += messages
