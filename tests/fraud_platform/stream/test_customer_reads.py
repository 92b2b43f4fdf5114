"""Questions for customers that wait together are read together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from fraud_platform.errors import StoreError
from fraud_platform.state.customer import Customer
from fraud_platform.stream.customer_reads import USERS_PER_READ, CustomerReads
from fraud_platform.stream.ports import ProfileRow
from fraud_platform.stream.profiles import Made, Profile, profile_bytes


class Table:
    """Profiles of the customers ``u-0`` … ``u-(known - 1)``."""

    def __init__(self, known: int) -> None:
        self.known = {f"u-{n}" for n in range(known)}
        self.asked: list[list[str]] = []
        self.fails = False

    def read(self, users: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        self.asked.append(list(users))
        if self.fails:
            raise StoreError("away")
        profile = Profile()
        profile.count(Made("run-1", "APPROVE", 5, "EUR"), 12.5)
        content = profile_bytes(profile, Customer(1.0), {})
        return {user: (1, content) for user in users if user in self.known}

    def write(self, rows: Sequence[ProfileRow]) -> list[str]:
        raise AssertionError("a reader writes nothing")


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


async def test_many_questions_are_few_reads(threads: ThreadPoolExecutor) -> None:
    table = Table(known=150)
    reads = CustomerReads(table, threads)
    bodies = await asyncio.gather(*(reads.body(f"u-{n % 200}") for n in range(1_000)))
    for number, body in enumerate(bodies):
        if number % 200 < 150:
            assert orjson.loads(body or b"")["user_id"] == f"u-{number % 200}"
        else:
            assert body is None
    assert reads.reads == len(table.asked) == 200 // USERS_PER_READ
    assert all(len(set(users)) == len(users) <= USERS_PER_READ for users in table.asked)


async def test_a_question_is_answered_after_an_idle_time(threads: ThreadPoolExecutor) -> None:
    reads = CustomerReads(Table(known=1), threads)
    for _ in range(3):
        assert await reads.body("u-0") is not None
    assert reads.reads == 3


async def test_a_failed_read_fails_all_that_asked(threads: ThreadPoolExecutor) -> None:
    table = Table(known=1)
    table.fails = True
    reads = CustomerReads(table, threads)
    answers = await asyncio.gather(reads.body("u-0"), reads.body("u-0"), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["away", "away"]
    table.fails = False
    assert await reads.body("u-0") is not None


async def test_who_stops_waiting_harms_nobody(threads: ThreadPoolExecutor) -> None:
    reads = CustomerReads(Table(known=2), threads)
    leaving = asyncio.create_task(reads.body("u-0"))
    staying = asyncio.create_task(reads.body("u-0"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying is not None
