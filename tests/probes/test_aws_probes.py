"""The probes of AWS services on a running twin: what they measure, and that nothing stays."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import pytest
from tests.cloud_twin.conftest import RunningTwin

from squall.errors import ConfigurationError
from squall.load_generator.load_clock import LoadClock
from squall.load_generator.profiles import build
from squall.models import (
    Invocations,
    ObjectWrites,
    ProbeSpec,
    StreamRecords,
    TableOperations,
)
from squall.models.load_spec import SustainedSpec
from squall.probes import ConcludedLoad, Measured, Probe, make_probe
from squall.targets.aws.access import resolve_access
from squall.targets.installation import Installation

LOAD_S = 0.5
GONE_WITHIN_S = 10.0
CONCLUDED = cast(ConcludedLoad, None)
"""These probes look at nothing of it."""

TABLE = TableOperations(name="table", type="table_operations", rate_tps=100)
SMALL_TABLE = TableOperations(
    name="small_table", type="table_operations", rate_tps=200, capacity_share=0.1
)
OBJECTS = ObjectWrites(name="audit_writes", type="object_writes", rate_tps=50, object_bytes=300)
RECORDS = StreamRecords(name="records", type="stream_records", rate_tps=2_000)
FUNCTIONS = Invocations(
    name="functions", type="invocations", count=12, concurrency=3, hold_ms=50, timeout_s=5
)
SPECS: tuple[ProbeSpec, ...] = (TABLE, SMALL_TABLE, OBJECTS, RECORDS, FUNCTIONS)


@pytest.fixture
def installation(twin: RunningTwin, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return Installation(twin_url=twin.url, access=resolve_access("us-east-1", None, twin.url))


def load() -> LoadClock:
    shape = build(SustainedSpec(type="sustained", rate_tps=1, duration_s=LOAD_S), 0)
    began_s = time.monotonic()
    return LoadClock(shape, lambda: min(time.monotonic() - began_s, LOAD_S))


async def run(probe: Probe) -> Measured:
    """The whole of a probe; closed twice, as it may be."""
    try:
        await probe.prepare()
        await probe.beside(load())
        return await probe.conclude(CONCLUDED)
    finally:
        await probe.close()
        await probe.close()


def left_behind(twin: RunningTwin) -> list[Any]:
    """What is there and not on its way out: streams take a moment to go."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while (found := there(twin)) and time.monotonic() < deadline:
        pass  # each look is a few requests
    return found


def there(twin: RunningTwin) -> list[Any]:
    return [
        *twin.client("dynamodb").list_tables()["TableNames"],
        *twin.client("kinesis").list_streams()["StreamNames"],
        *twin.client("s3").list_buckets()["Buckets"],
        *twin.client("lambda").list_functions()["Functions"],
    ]


async def measure(spec: ProbeSpec, twin: RunningTwin, installation: Installation) -> Measured:
    measured = await run(make_probe(spec, installation, 7))
    assert set(measured.figures) == set(spec.FIGURES)
    assert left_behind(twin) == []
    return measured


async def test_table_operations_are_counted_and_timed(
    twin: RunningTwin, installation: Installation
) -> None:
    measured = await measure(TABLE, twin, installation)
    assert measured.figures["operations"] == 50
    assert measured.figures["planned_tps"] == 100
    assert 0 < (measured.figures["operations_tps"] or 0) <= 100
    assert (measured.figures["throttled_share"], measured.figures["failed_share"]) == (0, 0)
    assert measured.latency_ms.count == 50


async def test_a_table_with_too_little_capacity_throttles_and_fails_nothing(
    twin: RunningTwin, installation: Installation
) -> None:
    measured = await measure(SMALL_TABLE, twin, installation)
    assert (measured.figures["throttled_share"] or 0) > 0.2
    assert measured.figures["failed_share"] == 0
    assert "ProvisionedThroughputExceededException" in measured.notes[0]
    throttled = round(100 * (measured.figures["throttled_share"] or 0))
    assert measured.latency_ms.count == 100 - throttled


async def test_what_fails_without_being_throttled_is_told_apart(
    twin: RunningTwin, installation: Installation
) -> None:
    twin.fault(
        service="dynamodb",
        operation="PutItem",
        when="before",
        error={"code": "InternalServerError"},
    )
    measured = await measure(TABLE, twin, installation)
    assert measured.figures["failed_share"] == pytest.approx(0.5)
    assert measured.figures["throttled_share"] == 0
    assert measured.notes == ("refused: InternalServerError 25",)


async def test_objects_are_written_and_found_again(
    twin: RunningTwin, installation: Installation
) -> None:
    measured = await measure(OBJECTS, twin, installation)
    assert measured.figures["writes"] == 25
    assert (measured.figures["failed_share"], measured.figures["missing"]) == (0, 0)
    assert measured.latency_ms.count == 25


async def test_an_object_that_was_acknowledged_and_is_gone_is_missing(
    twin: RunningTwin, installation: Installation
) -> None:
    probe = make_probe(OBJECTS, installation, 7)
    await probe.prepare()
    try:
        await probe.beside(load())
        s3 = twin.client("s3")
        bucket = s3.list_buckets()["Buckets"][0]["Name"]
        s3.delete_object(Bucket=bucket, Key="audit/0000000003.json")
        assert (await probe.conclude(CONCLUDED)).figures["missing"] == 1
    finally:
        await probe.close()
    assert left_behind(twin) == []


async def test_a_store_that_slows_down_counts_as_an_error(
    twin: RunningTwin, installation: Installation
) -> None:
    twin.fault(
        service="s3", operation="PutObject", when="before", count=5, error={"code": "SlowDown"}
    )
    measured = await measure(OBJECTS, twin, installation)
    assert measured.figures["failed_share"] == pytest.approx(0.2)
    assert measured.notes == ("refused: SlowDown 5",)


async def test_records_go_into_enough_shards_and_all_of_them_come_out(
    twin: RunningTwin, installation: Installation
) -> None:
    probe = make_probe(RECORDS, installation, 7)
    assert "4 shards" in probe.what
    measured = await measure(RECORDS, twin, installation)
    assert measured.figures["records"] == 1_000
    assert measured.figures["missing"] == 0
    assert measured.figures["throttled_share"] == 0
    assert (measured.figures["iterator_age_ms_max"] or -1) >= 0
    assert measured.figures["window_s"] == LOAD_S


async def test_records_that_a_stream_throttles_are_counted_and_not_missed(
    twin: RunningTwin, installation: Installation
) -> None:
    twin.fault(
        service="kinesis",
        operation="PutRecords",
        when="body",
        probability=0.5,
        error={"code": "ProvisionedThroughputExceededException"},
    )
    measured = await measure(RECORDS, twin, installation)
    assert 0.3 < (measured.figures["throttled_share"] or 0) < 0.7
    assert (measured.figures["failed_share"], measured.figures["missing"]) == (0, 0)


async def test_invocations_run_at_once_and_every_cold_start_is_counted(
    twin: RunningTwin, installation: Installation
) -> None:
    measured = await measure(FUNCTIONS, twin, installation)
    assert measured.figures["invocations"] == 12
    assert measured.figures["planned_concurrency"] == 3
    assert measured.figures["concurrency_max"] == 3
    assert measured.figures["cold_start_share"] == pytest.approx(3 / 12)
    assert (measured.figures["timeouts"], measured.figures["failed_share"]) == (0, 0)
    # The first three came before the load.
    assert measured.latency_ms.count == 9
    assert (measured.latency_ms.p50 or 0) >= 50


async def test_what_ran_at_once_before_the_load_does_not_count_as_beside_it(
    twin: RunningTwin, installation: Installation
) -> None:
    # The first invocation of each caller comes before the load, and there are no others.
    measured = await measure(FUNCTIONS.model_copy(update={"count": 3}), twin, installation)
    assert measured.figures["invocations"] == 3
    assert measured.figures["cold_start_share"] == 1
    assert measured.figures["concurrency_max"] == 0


async def test_functions_that_take_too_long_are_timeouts(
    twin: RunningTwin, installation: Installation
) -> None:
    slow = FUNCTIONS.model_copy(update={"hold_ms": 5_000, "timeout_s": 1, "count": 2})
    measured = await measure(slow, twin, installation)
    assert measured.figures["timeouts"] == 2
    assert measured.figures["failed_share"] == 1
    assert measured.figures["concurrency_max"] == 0


async def test_invocations_over_the_account_s_concurrency_are_throttled(
    twin: RunningTwin, installation: Installation
) -> None:
    twin.control("PATCH", "limits", {"lambda": {"concurrent_executions": 2}})
    measured = await measure(FUNCTIONS, twin, installation)
    assert (measured.figures["throttled_share"] or 0) > 0
    assert measured.figures["concurrency_max"] == 2


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
async def test_a_probe_that_is_broken_off_leaves_nothing(
    spec: ProbeSpec, twin: RunningTwin, installation: Installation
) -> None:
    probe = make_probe(spec, installation, 7)
    await probe.prepare()
    assert len(there(twin)) == 1
    work = asyncio.create_task(probe.beside(load()))
    await asyncio.sleep(0)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await probe.close()
    assert left_behind(twin) == []


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_target_that_is_not_on_aws_is_refused(spec: ProbeSpec) -> None:
    with pytest.raises(ConfigurationError, match=r"use --target stream"):
        make_probe(spec, Installation(platform_url="http://127.0.0.1:1"), 7)


def test_a_function_on_aws_needs_a_role(installation: Installation) -> None:
    on_aws = Installation(access=installation.access)
    with pytest.raises(ConfigurationError, match=r"role: arn:aws:iam::ACCOUNT:role/NAME"):
        make_probe(FUNCTIONS, on_aws, 7)
    role = "arn:aws:iam::123456789012:role/probe"
    make_probe(FUNCTIONS.model_copy(update={"role": role}), on_aws, 7)


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        (TABLE, "100 operations a second on a table of its own, on demand"),
        (
            SMALL_TABLE,
            "200 operations a second on a table of its own, with 10 % of the capacity they use",
        ),
        (OBJECTS, "50 objects a second of 300 bytes written to a bucket of its own"),
        (
            RECORDS,
            "2,000 records a second of 300 bytes into a stream of its own with 4 shards, and out "
            "of it again",
        ),
        (
            FUNCTIONS,
            "12 invocations of a function of its own, 3 at once, each holding its environment for "
            "50 ms",
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_a_probe_does_is_said_with_its_amounts(
    spec: ProbeSpec, what: str, installation: Installation
) -> None:
    assert make_probe(spec, installation, 7).what == what


def test_scales_leave_how_long_an_invocation_takes_as_it_is() -> None:
    scaled = Invocations(
        name="functions", type="invocations", count=300_000, concurrency=1000, hold_ms=2000
    ).scaled(0.2, 0.1)
    assert (scaled.count, scaled.concurrency) == (6_000, 200)
    assert (scaled.hold_ms, scaled.timeout_s) == (2000, 30)
    assert RECORDS.scaled(0.2, 0.1).rate_tps == pytest.approx(400)
