"""Targets while a run uses them: resolved, and launched where they are ours to launch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from squall.models import PlatformSetup
from squall.orchestrator.ports import OpenTarget, Progress, TargetSession
from squall.orchestrator.sessions.inline import INLINE, inline_session
from squall.orchestrator.sessions.kept import KeptTarget
from squall.orchestrator.sessions.remote import remote_session
from squall.orchestrator.sessions.stream import ANY_KEYS, STREAM, stream_session

__all__ = ["ANY_KEYS", "INLINE", "STREAM", "KeptTarget", "target_opener"]

_DEFAULT_SETUP = PlatformSetup()


def target_opener(cache_dir: Path) -> OpenTarget:
    """Opens ``inline`` and ``stream`` (launched, their history in ``cache_dir``) and all others."""

    @asynccontextmanager
    async def open_target(
        target: str,
        fields: frozenset[str],
        progress: Progress,
        setup: PlatformSetup = _DEFAULT_SETUP,
    ) -> AsyncIterator[TargetSession]:
        if target == INLINE:
            async with inline_session(cache_dir, progress, setup) as inline:
                yield inline
        elif target == STREAM:
            async with stream_session(cache_dir, progress, setup) as stream:
                yield stream
        else:
            if setup != _DEFAULT_SETUP:
                progress(
                    "the scenario's platform settings are not applied: this target is not launched"
                    " by squall"
                )
            async with remote_session(target, fields) as remote:
                yield remote

    return open_target
