"""A fault plan of the twin: in force, leased, ended, and refused in the twin's own words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.cloud_twin.conftest import RunningTwin

from squall.errors import ConfigurationError, TargetUnreachable
from squall.failure_injection import Fault, make_fault
from squall.models import AwsFault
from squall.targets.installation import Installation

THROTTLE = {"code": "ProvisionedThroughputExceededException"}
PLAN: dict[str, Any] = {
    "service": "kinesis", "operation": "ListStreams", "when": "before", "error": THROTTLE,
}  # fmt: skip


def fault(url: str | None, **plan: Any) -> Fault:
    spec = AwsFault(name="quota", type="aws", during="full", plan=PLAN | plan)
    return make_fault(spec, Installation(twin_url=url))


@pytest.fixture
async def throttled(twin: RunningTwin) -> AsyncIterator[Fault]:
    made = fault(twin.url)
    yield made
    await made.close()


def states(twin: RunningTwin) -> list[str]:
    return [one["state"] for one in twin.control("GET", "faults")["faults"]]


def hit(twin: RunningTwin) -> bool:
    try:
        twin.client("kinesis").list_streams()
    except ClientError as error:
        return bool(error.response["Error"]["Code"] == THROTTLE["code"])
    return False


async def test_calls_are_hit_until_it_ends(twin: RunningTwin, throttled: Fault) -> None:
    assert not hit(twin)
    await throttled.begin(10.0)
    assert hit(twin)
    [entry] = twin.control("GET", "faults")["faults"]
    assert entry["plan"]["lease_s"] == 10.0
    assert entry["plan"]["label"] == "squall: quota"
    await throttled.end()
    assert not hit(twin)
    assert states(twin) == []
    await throttled.end()


async def test_a_lease_is_renewed(twin: RunningTwin, throttled: Fault) -> None:
    await throttled.begin(30.0)
    [before] = twin.control("GET", "faults")["faults"]
    await throttled.renew(30.0)
    [after] = twin.control("GET", "faults")["faults"]
    assert before["id"] == after["id"]
    assert states(twin) == ["active"]


async def test_one_whose_lease_ran_out_is_put_in_force_again(twin: RunningTwin) -> None:
    made = fault(twin.url)
    await made.begin(0.001)
    while "active" in states(twin):
        pass  # each look is a request
    await made.renew(30.0)
    assert states(twin) == ["ended", "active"]
    await made.end()
    await made.close()


async def test_one_that_ends_by_itself_stays_ended(twin: RunningTwin) -> None:
    made = fault(twin.url, count=1)
    await made.begin(30.0)
    assert hit(twin)
    await made.renew(30.0)
    assert not hit(twin)
    assert states(twin) == ["ended"]
    await made.end()
    await made.close()


async def test_a_plan_that_the_twin_refuses_is_refused_in_its_words(twin: RunningTwin) -> None:
    made = fault(twin.url, service="kinessis", probability=2)
    with pytest.raises(ConfigurationError, match=r"its plan: .*kinessis.*probability"):
        await made.begin(10.0)
    await made.renew(10.0)
    await made.end()
    await made.close()


async def test_nothing_that_answers_is_said() -> None:
    made = fault("http://127.0.0.1:9")
    with pytest.raises(TargetUnreachable, match=r"127\.0\.0\.1:9"):
        await made.begin(10.0)
    await made.close()


def test_a_target_without_a_twin_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"fault quota needs the cloud twin"):
        fault(None)


def test_a_plan_leases_nothing_itself() -> None:
    with pytest.raises(ConfigurationError, match=r"leave lease_s out"):
        fault("http://127.0.0.1:9", lease_s=5)


@pytest.mark.parametrize(
    ("plan", "what"),
    [
        ({}, "kinesis ListStreams: refused with ProvisionedThroughputExceededException"),
        (
            {
                "operation": "PutRecords",
                "resource": "payments*",
                "when": "body",
                "probability": 0.2,
            },
            "kinesis PutRecords on payments*: entries refused with "
            "ProvisionedThroughputExceededException for 20 %",
        ),
        (
            {"when": None, "error": None, "latency_ms": 250},
            "kinesis ListStreams: 250 ms later",
        ),
        (
            {"service": None, "operation": None, "when": "drop", "error": None},
            "every call: connection closed",
        ),
        (
            {"when": "after", "error": None},
            "kinesis ListStreams: carried out, then answered with a closed connection",
        ),
    ],
)
def test_what_it_does_is_said(plan: dict[str, Any], what: str) -> None:
    assert fault("http://127.0.0.1:9", **plan).what == what
