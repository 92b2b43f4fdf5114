"""Programs of ours in the foreground: launched, announced, and watched until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from rich.console import Console

from squall.errors import TargetUnreachable

_WATCH_S = 0.2


class Running(Protocol):
    """What was launched."""

    def exit_reason(self) -> str | None:
        """How it ended; None while it runs."""
        ...


_Launched = TypeVar("_Launched", bound=Running)
_Result = TypeVar("_Result")


async def serve(
    name: str,
    launch: Callable[[Callable[[str], None]], AbstractAsyncContextManager[_Launched]],
    waiting: Console,
    say: Callable[[_Launched], None],
) -> None:
    """Launch it and watch it until SIGINT or SIGTERM.

    Args:
        name: with its article, for messages.
        launch: makes what is launched, given what takes progress.
        waiting: where progress is shown until it is ready.
        say: called once it is ready.

    Raises:
        SquallError: it cannot be started.
        TargetUnreachable: it ends by itself.
    """
    with signalled() as ended:
        async with contextlib.AsyncExitStack() as stack:
            with waiting.status(f"starting {name}") as status:
                started = stack.enter_async_context(launch(status.update))
                running = await unless_ended(started, ended)
            if running is None:
                return
            say(running)
            await watch(running, ended)
            reason = None if ended.is_set() else running.exit_reason()
            if reason is not None:
                raise TargetUnreachable(f"{name} ended by itself: {reason}")


async def watch(running: Running, ended: asyncio.Event) -> None:
    """Wait until it ends or ``ended`` is set."""
    while running.exit_reason() is None and not ended.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _WATCH_S)


@contextlib.contextmanager
def signalled() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set instead of what they do otherwise."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, ended.set)
    try:
        yield ended
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def unless_ended(work: Coroutine[Any, Any, _Result], ended: asyncio.Event) -> _Result | None:
    """What the work comes to; None where ``ended`` is set first, and the work is cancelled."""
    task = asyncio.create_task(work)
    stop = asyncio.create_task(ended.wait())
    try:
        await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait((task,))
    return None
