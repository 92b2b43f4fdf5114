"""Concurrency and request rate: who is refused, and in what words."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cloud_twin.lambda_.fakes import Bench, until

from cloud_twin.clock import ManualClock
from cloud_twin.errors import AwsError, TwinError
from cloud_twin.services.lambda_ import LambdaOptions
from cloud_twin.services.lambda_.throttle import Throttle

SLOW = "import time\ndef handler(e, c):\n    time.sleep(e.get('s', 30))\n    return 1\n"


def reason(throttle: Throttle, function: str) -> str | None:
    try:
        throttle.enter(function)
    except AwsError as error:
        refusal = error
    else:
        return None
    assert (refusal.code, refusal.status) == ("TooManyRequestsException", 429)
    assert refusal.message == "Rate Exceeded."
    return str(refusal.fields["Reason"])


def test_a_reservation_is_a_limit_and_is_taken_from_the_others() -> None:
    throttle = Throttle(ManualClock(), 105, 1000)
    throttle.reserve("a", 3)
    assert throttle.unreserved() == 102
    assert [reason(throttle, "a") for _ in range(4)] == [
        None,
        None,
        None,
        "ReservedFunctionConcurrentInvocationLimitExceeded",
    ]
    refused = Counter(reason(throttle, name) for name in ["b", "c"] * 60)
    assert refused == {None: 102, "ConcurrentInvocationLimitExceeded": 18}
    throttle.leave("b")
    assert reason(throttle, "c") is None


def test_reservations_leave_a_hundred_for_the_others() -> None:
    throttle = Throttle(ManualClock(), 1000, 10)
    throttle.reserve("a", 900)
    with pytest.raises(AwsError, match=r"below its minimum value of \[100\]"):
        throttle.reserve("b", 1)
    throttle.reserve("a", 899)
    throttle.reserve("b", 1)


def test_ten_requests_a_second_go_with_each_unit_of_concurrency() -> None:
    clock = ManualClock()
    throttle = Throttle(clock, 1000, 10)
    throttle.reserve("a", 2)

    def burst() -> int:
        taken = 0
        while reason(throttle, "a") is None:
            throttle.leave("a")
            taken += 1
        return taken

    assert burst() == 20
    assert reason(throttle, "a") == "ReservedFunctionInvocationRateLimitExceeded"
    clock.advance(0.5)
    assert burst() == 10


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=200))
def test_no_more_run_than_may(steps: list[tuple[str, bool]]) -> None:
    throttle = Throttle(ManualClock(), 12, float("inf"))
    throttle.reserve("a", 0)
    running = Counter[str]()
    for name, comes in steps:
        if comes and reason(throttle, name) is None:
            running[name] += 1
        elif not comes and running[name]:
            throttle.leave(name)
            running[name] -= 1
        assert running["a"] == 0
        assert running.total() <= 12
        assert all(throttle.running(n) == running[n] for n in "abc")


async def test_a_reserved_function_refuses_over_its_limit(bench: Bench) -> None:
    await bench.create(SLOW)
    await bench.call("PutFunctionConcurrency", FunctionName="fn", ReservedConcurrentExecutions=1)
    running = asyncio.create_task(bench.invoke({"s": 0.5}))
    await until(lambda: len(bench.service.logs("fn")) == 1)
    with pytest.raises(AwsError) as refused:
        await bench.invoke()
    assert refused.value.fields["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert (await running)[1] is None
    assert bench.metrics.values["Throttles"] == [1]
    assert bench.metrics.values["Invocations"] == [1], "a throttled call is no invocation"
    assert (await bench.invoke({"s": 0}))[1] is None


async def test_the_machines_limit_ends_idle_environments_first() -> None:
    bench = Bench(LambdaOptions(environments_max=1))
    try:
        await bench.create(SLOW)
        await bench.create(SLOW, "other")
        for name in ("fn", "other", "fn"):
            assert (await bench.invoke({"s": 0}, name))[0] == 1
        running = asyncio.create_task(bench.invoke({"s": 1}))
        await until(lambda: sum("START" in line.text for line in bench.service.logs("fn")) == 3)
        with pytest.raises(AwsError) as refused:
            await bench.invoke({"s": 0}, "other")
        assert refused.value.fields["Reason"] == "ConcurrentInvocationLimitExceeded"
        await running
    finally:
        await bench.service.close()


async def test_limits_are_read_changed_and_reset(bench: Bench) -> None:
    assert bench.service.limits()["concurrent_executions"] == 1000
    bench.service.set_limits({"concurrent_executions": 50})
    settings = await bench.document("GetAccountSettings")
    assert settings["AccountLimit"]["ConcurrentExecutions"] == 50
    with pytest.raises(TwinError, match="unknown limit 'speed'"):
        bench.service.set_limits({"speed": 1})
    with pytest.raises(TwinError, match="environments cannot be 0"):
        bench.service.set_limits({"environments": 0})
    with pytest.raises(TwinError, match="nan"):
        bench.service.set_limits({"sync_payload_bytes": float("nan")})
    await bench.service.reset()
    assert bench.service.limits()["concurrent_executions"] == 1000
