"""A target that stays open from one run to the next."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType

from squall.models import PlatformSetup
from squall.orchestrator.ports import OpenTarget, Progress, TargetSession


class KeptTarget:
    """Opens a target at its first use and closes it at the end of the block.

    ``open`` is an ``OpenTarget`` for the runs in between. A target of ours that has ended
    meanwhile is opened anew, and ``note`` is told.
    """

    def __init__(self, open_target: OpenTarget, note: Callable[[str], None]) -> None:
        self._open_target = open_target
        self._note = note
        self._stack = AsyncExitStack()
        self._session: TargetSession | None = None

    async def __aenter__(self) -> KeptTarget:
        """Nothing is opened yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self._session = None
        await self._stack.aclose()

    @asynccontextmanager
    async def open(
        self, target: str, fields: frozenset[str], progress: Progress, setup: PlatformSetup
    ) -> AsyncIterator[TargetSession]:
        """The open target, for one run; the same every time."""
        session = self._session
        if session is not None and (reason := session.exit_reason()) is not None:
            self._note(f"the target was started again, because it had ended: {reason}")
            self._session = session = None
            await self._stack.aclose()
        if session is None:
            session = await self._stack.enter_async_context(
                self._open_target(target, fields, progress, setup)
            )
            self._session = session
        yield session
