"""Runs one event of one function, and accounts for it: concurrency, metrics, bill, log."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import uuid4

from cloud_twin.errors import AwsError
from cloud_twin.service import Dimensions, PartialFailure, Surroundings
from cloud_twin.services.lambda_.runtime.deployment import Deployment, Invocation
from cloud_twin.services.lambda_.runtime.environment import Environment, NotDeliveredError
from cloud_twin.services.lambda_.runtime.outcome import (
    UNHANDLED,
    Outcome,
    Result,
    billed_ms,
    failure,
)
from cloud_twin.services.lambda_.runtime.pool import EnvironmentPool
from cloud_twin.services.lambda_.throttle import Throttle

NAMESPACE = "AWS/Lambda"


@dataclass(frozen=True, slots=True)
class Event:
    """What a function is invoked with."""

    payload: bytes
    invoked_arn: str
    request_id: str = ""
    client_context: str = ""
    trace_id: str = ""


class Invoker:
    """The way of every event into a function, whoever sends it."""

    def __init__(
        self, surroundings: Surroundings, pool: EnvironmentPool, throttle: Throttle
    ) -> None:
        self._surroundings = surroundings
        self._pool = pool
        self._throttle = throttle

    def put_metric(self, function: str, name: str, value: float, unit: str = "Count") -> None:
        """One value of an AWS/Lambda metric."""
        dimensions: Dimensions = (("FunctionName", function),)
        self._surroundings.metrics.put(NAMESPACE, name, dimensions, value, unit)

    def count_refusal(self, function: str, error: AwsError) -> None:
        """An event that did not reach the function: only throttles have a metric."""
        if error.status == 429:
            self.put_metric(function, "Throttles", 1)

    async def invoke(
        self, deployment: Deployment, event: Event, planned: PartialFailure | None = None
    ) -> Outcome:
        """Run one event to its end. Raises ``AwsError`` where it is throttled.

        ``planned``: a fault plan's function error, which is drawn here; the function does not run.
        """
        name = deployment.function_name
        try:
            concurrent = self._throttle.enter(deployment.function_arn)
        except AwsError as error:
            self.count_refusal(name, error)
            raise
        try:
            request_id = event.request_id or str(uuid4())
            if planned is not None and planned.random.random() < planned.probability:
                return self._planned_failure(deployment, request_id, planned)
            invocation = Invocation(
                request_id,
                event.payload,
                event.invoked_arn,
                event.trace_id or self._trace_id(),
                event.client_context,
            )
            environment, result, duration_ms, init_ms = await self._run(deployment, invocation)
        except AwsError as error:
            self.count_refusal(name, error)
            raise
        finally:
            self._throttle.leave(deployment.function_arn)
        outcome = self._account(environment, invocation, result, duration_ms, init_ms)
        self.put_metric(name, "ConcurrentExecutions", concurrent)
        return outcome

    async def _run(
        self, deployment: Deployment, invocation: Invocation
    ) -> tuple[Environment, Result, float, float | None]:
        while True:
            init_ms = None
            environment = self._pool.idle(deployment)
            if environment is None:
                environment, failed, init_ms = await self._pool.start(
                    deployment, invocation.request_id
                )
                if failed is not None:
                    environment.log.begin(invocation.request_id, deployment.version)
                    return environment, failed, 0.0, init_ms
            try:
                result, duration_ms = await environment.invoke(invocation)
            except NotDeliveredError:
                continue
            environment.look_at_memory()
            self._pool.release(environment)
            return environment, result, duration_ms, init_ms

    def _account(
        self,
        environment: Environment,
        invocation: Invocation,
        result: Result,
        duration_ms: float,
        init_ms: float | None,
    ) -> Outcome:
        deployment = environment.deployment
        name = deployment.function_name
        billed = billed_ms(duration_ms, init_ms)
        self._count(name, result)
        self._surroundings.meter.add(
            "lambda", "gb_seconds", name, deployment.memory_mb / 1024 * billed / 1000
        )
        self.put_metric(name, "Duration", duration_ms, "Milliseconds")
        request_id = invocation.request_id
        report = (
            f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\t"
            f"Billed Duration: {billed} ms\tMemory Size: {deployment.memory_mb} MB\t"
            f"Max Memory Used: {environment.memory_peak_mb:.0f} MB\t"
        )
        if init_ms is not None:
            report += f"Init Duration: {init_ms:.2f} ms\t"
        if result.error_type == "Sandbox.Timedout":
            report += "Status: timeout"
        elif result.error_type is not None and result.error_type.startswith("Runtime."):
            report += f"Status: error\tError Type: {result.error_type}"
        environment.log.line(f"END RequestId: {request_id}")
        environment.log.line(report)
        return Outcome(
            request_id,
            result.payload,
            None if result.error_type is None else UNHANDLED,
            result.error_type,
            deployment.version,
            duration_ms,
            init_ms,
            billed,
            environment.log.tail(),
        )

    def _planned_failure(
        self, deployment: Deployment, request_id: str, planned: PartialFailure
    ) -> Outcome:
        result = failure(planned.code, planned.message)
        self._count(deployment.function_name, result)
        return Outcome(
            request_id,
            result.payload,
            UNHANDLED,
            result.error_type,
            deployment.version,
            duration_ms=0.0,
            init_ms=None,
            billed_ms=0,
        )

    def _count(self, name: str, result: Result) -> None:
        self._surroundings.meter.add("lambda", "requests", name, 1)
        self.put_metric(name, "Invocations", 1)
        self.put_metric(name, "Errors", 0 if result.error_type is None else 1)

    def _trace_id(self) -> str:
        wall_s = int(self._surroundings.clock.wall_s())
        root = f"1-{wall_s:08x}-{secrets.token_hex(12)}"
        return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"
