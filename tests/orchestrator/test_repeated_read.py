"""When the target's records are read again, and when no longer."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from squall.models import Accounting
from squall.orchestrator.repeated_read import read_until_settled


@dataclass
class Records:
    """Says how much is lost at a time; every read takes a while."""

    lost: list[int | None]
    left_s: float = 30.0
    took_s: float = 0.0
    reads_at_left_s: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)

    async def read(self) -> Accounting:
        self.reads_at_left_s.append(self.left_s)
        self.left_s -= self.took_s
        lost = self.lost.pop(0) if len(self.lost) > 1 else self.lost[0]
        return Accounting(400, 400, 0, 0, 0, lost=lost)

    async def sleep(self, pause_s: float) -> None:
        self.left_s -= pause_s

    async def settled(self) -> Accounting:
        return await read_until_settled(
            self.read, lambda: self.left_s, self.told.append, self.noted.append, self.sleep
        )


@pytest.mark.parametrize("lost", [0, None])
async def test_nothing_owed_or_a_failed_read_is_the_end(lost: int | None) -> None:
    records = Records([lost])
    assert (await records.settled()).lost == lost
    assert len(records.reads_at_left_s) == 1
    assert records.noted == []


async def test_it_is_read_again_until_nothing_is_owed() -> None:
    records = Records([338, 20, 0])
    assert (await records.settled()).lost == 0
    assert records.reads_at_left_s == [30, 29, 27]
    assert records.told[0] == (
        "338 accepted transactions are not in the target's records yet; reading them again in 1 s"
    )
    assert records.noted == [
        "the target's records were read 3 times in 3 s, because accepted transactions were not in "
        "them at first"
    ]


async def test_what_is_lost_for_good_costs_few_reads_and_the_last_is_at_the_end() -> None:
    records = Records([3])
    assert (await records.settled()).lost == 3
    assert records.reads_at_left_s == [30, 29, 27, 23, 15, 0]


async def test_a_long_read_is_followed_by_as_long_a_pause() -> None:
    records = Records([3], took_s=10.0)
    await records.settled()
    assert records.reads_at_left_s == [30, 10, 0]


async def test_without_time_left_there_is_one_read() -> None:
    records = Records([3], left_s=-2.0)
    assert (await records.settled()).lost == 3
    assert records.reads_at_left_s == [-2.0]
    assert records.noted == []


async def test_a_timer_that_is_early_brings_no_further_read() -> None:
    records = Records([3], left_s=1.001)
    await records.settled()
    assert len(records.reads_at_left_s) == 2
