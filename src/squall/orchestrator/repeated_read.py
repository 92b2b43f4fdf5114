"""The final read of a target that decides later: repeated until nothing is owed or time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from squall.models import Accounting
from squall.orchestrator.ports import Progress

PAUSE_S_MIN = 1.0
PAUSE_S_MAX = 30.0
_OVER_S = 0.05
"""Time is up with so much of it left: a timer may be early by a little."""


async def read_until_settled(
    read: Callable[[], Awaitable[Accounting]],
    left_s: Callable[[], float],
    progress: Progress,
    note: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Accounting:
    """The account of the last read.

    Every read reads all records and may cost money. Pauses therefore double from 1 s to 30 s, are
    never shorter than the read before, and ``note`` is told how many reads there were. The last
    read begins when ``left_s`` has come to 0; a failed one is not repeated.
    """
    pause_s, began_s, reads = PAUSE_S_MIN, left_s(), 0
    while True:
        before_s = left_s()
        account = await read()
        reads += 1
        now_s = left_s()
        if not account.lost or before_s <= _OVER_S:
            break
        pause_s = max(0.0, min(max(pause_s, before_s - now_s), now_s))
        progress(
            f"{account.lost:,} accepted transactions are not in the target's records yet; reading "
            f"them again in {pause_s:.0f} s"
        )
        await sleep(pause_s)
        pause_s = min(max(2 * pause_s, PAUSE_S_MIN), PAUSE_S_MAX)
    if reads > 1:
        note(
            f"the target's records were read {reads} times in {began_s - left_s():.0f} s, because "
            "accepted transactions were not in them at first"
        )
    return account
