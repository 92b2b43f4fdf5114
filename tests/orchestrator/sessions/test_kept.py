from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from squall.models import PlatformSetup
from squall.orchestrator.ports import Progress, TargetSession
from squall.orchestrator.sessions import KeptTarget


class Session:
    def __init__(self) -> None:
        self.ended: str | None = None

    def exit_reason(self) -> str | None:
        return self.ended


class Opener:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.sessions: list[Session] = []

    @asynccontextmanager
    async def open(
        self, target: str, fields: frozenset[str], progress: Progress, setup: PlatformSetup
    ) -> AsyncIterator[TargetSession]:
        self.log.append(f"open {target}")
        self.sessions.append(Session())
        yield cast(TargetSession, self.sessions[-1])
        self.log.append(f"close {target}")


async def use(kept: KeptTarget) -> TargetSession:
    async with kept.open(
        "inline", frozenset({"amount"}), lambda _: None, PlatformSetup()
    ) as session:
        return session


async def test_it_is_opened_once_and_closed_at_the_end() -> None:
    opener = Opener()
    async with KeptTarget(opener.open, lambda _: None) as kept:
        assert opener.log == []
        assert await use(kept) is await use(kept)
        assert opener.log == ["open inline"]
    assert opener.log == ["open inline", "close inline"]


async def test_one_that_has_ended_is_opened_anew() -> None:
    opener, notes = Opener(), list[str]()
    async with KeptTarget(opener.open, notes.append) as kept:
        first = await use(kept)
        opener.sessions[0].ended = "killed by SIGKILL"
        assert await use(kept) is not first
    assert opener.log == ["open inline", "close inline"] * 2
    assert len(notes) == 1
    assert "SIGKILL" in notes[0]
