from __future__ import annotations

import asyncio
from typing import TypeVar

from squall.metrics.conflated import Conflated

T = TypeVar("T")


async def test_a_watcher_sees_the_newest_at_once_and_the_end() -> None:
    values: Conflated[int] = Conflated()
    values.publish(1)
    values.publish(2)
    values.close()
    assert [value async for value in values.watch()] == [2]


async def test_a_watcher_of_nothing_ends_when_closed() -> None:
    values: Conflated[int] = Conflated()
    seen = asyncio.create_task(collect(values))
    await asyncio.sleep(0)
    values.close()
    assert await asyncio.wait_for(seen, 5) == []


async def test_a_slow_watcher_skips_and_a_fast_one_sees_all() -> None:
    values: Conflated[int] = Conflated()
    slow = values.watch()
    fast = asyncio.create_task(collect(values))
    values.publish(0)
    assert await anext(slow) == 0
    for number in range(1, 50):
        await asyncio.sleep(0)  # the fast one's turn
        values.publish(number)
    values.close()
    assert await asyncio.wait_for(fast, 5) == list(range(50))
    assert [value async for value in slow] == [49]


async def test_every_watcher_ends_with_the_last_value() -> None:
    values: Conflated[str] = Conflated()
    watchers = [asyncio.create_task(collect(values)) for _ in range(20)]
    await asyncio.sleep(0)
    values.publish("last")
    values.close()
    values.publish("too late")
    assert await asyncio.wait_for(asyncio.gather(*watchers), 5) == [["last"]] * 20
    assert values.latest == "last"


async def collect(values: Conflated[T]) -> list[T]:
    return [value async for value in values.watch()]
