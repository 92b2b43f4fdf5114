from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.cloud_twin.conftest import RunningTwin
from tests.probes.remembering_platform import ACCOUNTING, RUN, SOURCE, STARTED_S

from squall.errors import ConfigurationError
from squall.load_generator.profiles import build
from squall.models import ExpiredRecords
from squall.models.load_spec import SequenceSpec, SustainedSpec
from squall.probes.expired_records import ExpiredRecordsProbe
from squall.probes.probe import ConcludedLoad, LoadClock
from squall.targets.aws.access import Access
from squall.targets.installation import Installation

SPEC = ExpiredRecords(type="expired_records", name="expired", count=620, during="clearing")
PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def phase(name: str) -> SustainedSpec:
    return SustainedSpec(type="sustained", name=name, rate_tps=10, duration_s=10)


class Load:
    """A load that is where a test says."""

    def __init__(self) -> None:
        self.at_s = 0.0
        profile = build(
            SequenceSpec(type="sequence", parts=(phase("before"), phase("clearing"))), 1
        )
        self.clock = LoadClock(profile, lambda: self.at_s, SOURCE)


def make_table(twin: RunningTwin, *, expires: bool = True, sort: bool = True) -> None:
    dynamodb = twin.client("dynamodb")
    names = ["run_bucket", "transaction_id"] if sort else ["run_bucket"]
    dynamodb.create_table(
        TableName="decisions",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
        KeySchema=[
            {"AttributeName": n, "KeyType": kind}
            for n, kind in zip(names, ("HASH", "RANGE"), strict=False)
        ],
    )
    if expires:
        dynamodb.update_time_to_live(
            TableName="decisions",
            TimeToLiveSpecification={"AttributeName": "expires_s", "Enabled": True},
        )


def probe_of(twin: RunningTwin, *, as_twin: bool = True, **more: Any) -> ExpiredRecordsProbe:
    access = Access("us-east-1", None, twin.url, None)
    installation = Installation(access=access, twin_url=twin.url if as_twin else None)
    return ExpiredRecordsProbe(SPEC, installation, seed=0xABC, **more)


def items(twin: RunningTwin) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in twin.client("dynamodb").get_paginator("scan").paginate(TableName="decisions"):
        found += page["Items"]
    return found


def delay_s(twin: RunningTwin) -> float:
    return float(twin.control("GET", "limits")["dynamodb"]["ttl_delay_s"])


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


def concluded() -> ConcludedLoad:
    return ConcludedLoad(RUN, ACCOUNTING, SOURCE, STARTED_S, 20.0)


async def test_items_stay_until_their_phase_and_are_cleared_in_it(twin: RunningTwin) -> None:
    make_table(twin)
    load, probe = Load(), probe_of(twin)
    assert probe.what == "620 expired items of table decisions, cleared beside the load"
    await probe.prepare()
    made = items(twin)
    assert len(made) == len({one["transaction_id"]["S"] for one in made}) == 620
    assert len({one["run_bucket"]["S"] for one in made}) == 16
    now_s = time.time()
    expired = sorted(int(one["expires_s"]["N"]) for one in made)
    assert now_s - 2 * 3_600 < expired[0] < expired[-1] < now_s
    work = asyncio.create_task(probe.beside(load.clock))
    await asyncio.sleep(0)
    assert delay_s(twin) > 86_400
    load.at_s = 10.0
    async with asyncio.timeout(PATIENCE_S):
        await work
    measured = await probe.conclude(concluded())
    assert set(measured.figures) == set(ExpiredRecords.FIGURES)
    assert (measured.figures["made"], measured.figures["cleared"]) == (620, 620)
    assert measured.figures["left"] == 0
    assert 0 < (measured.figures["clearing_s"] or 0) < PATIENCE_S
    assert items(twin) == []
    assert delay_s(twin) == 0


async def test_what_was_held_back_is_released_when_a_run_ends_early(twin: RunningTwin) -> None:
    make_table(twin)
    twin.control("PATCH", "limits", {"dynamodb": {"ttl_delay_s": 5}})
    probe = probe_of(twin)
    await probe.prepare()
    measured = await probe.conclude(concluded())
    assert (measured.figures["cleared"], measured.figures["left"]) == (0, 620)
    assert measured.figures["clearing_s"] is None
    await probe.close()
    await probe.close()
    assert delay_s(twin) == 5
    await until(lambda: items(twin) == [])


async def test_on_aws_what_is_left_is_not_measured(twin: RunningTwin) -> None:
    make_table(twin)
    twin.control("PATCH", "limits", {"dynamodb": {"ttl_delay_s": 90_000}})
    probe = probe_of(twin, as_twin=False)
    await probe.prepare()
    measured = await probe.conclude(concluded())
    assert measured.figures == {"made": 620, "cleared": None, "left": None, "clearing_s": None}
    assert "620 items are still there" in measured.notes[0]


async def test_writes_that_are_throttled_are_made_again(twin: RunningTwin) -> None:
    make_table(twin)
    twin.fault(
        service="dynamodb", operation="BatchWriteItem", when="body", probability=0.3, seed=5,
        error={"code": "ProvisionedThroughputExceededException"}, count=20,
    )  # fmt: skip
    probe = probe_of(twin)
    await probe.prepare()
    assert len(items(twin)) == 620
    await probe.close()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"expires": False}, "nothing expires in table decisions"),
        ({"sort": False}, "no partition and sort key"),
        (None, "ResourceNotFoundException"),
    ],
)
async def test_tables_that_will_not_do(
    twin: RunningTwin, how: dict[str, bool] | None, message: str
) -> None:
    if how is not None:
        make_table(twin, **how)
    with pytest.raises(ConfigurationError, match=message):
        await probe_of(twin).prepare()
    assert delay_s(twin) == 0


def test_it_needs_aws() -> None:
    with pytest.raises(ConfigurationError, match="needs a table on AWS or a twin"):
        ExpiredRecordsProbe(SPEC, Installation(platform_url="http://127.0.0.1:1"), seed=1)
