"""Lambda: one class that the twin's server calls, made of the parts beside it."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from uuid import uuid4

import orjson

from cloud_twin.errors import AwsError, TwinError
from cloud_twin.ports import InnerCalls, QueueSink, StreamSource, UnplannedCalls
from cloud_twin.service import Answer, Call, Protocols, Route, Surroundings
from cloud_twin.services.lambda_.async_events import AsyncEvents
from cloud_twin.services.lambda_.control_plane import ControlPlane
from cloud_twin.services.lambda_.function_extras import FunctionExtras
from cloud_twin.services.lambda_.functions import Function
from cloud_twin.services.lambda_.invoker import Event, Invoker
from cloud_twin.services.lambda_.mapped import MappedByName
from cloud_twin.services.lambda_.mappings.registry import MappingRegistry
from cloud_twin.services.lambda_.names import invalid
from cloud_twin.services.lambda_.options import LambdaOptions
from cloud_twin.services.lambda_.registry import FunctionRegistry
from cloud_twin.services.lambda_.routes import ROUTES
from cloud_twin.services.lambda_.runtime.logs import LogLine
from cloud_twin.services.lambda_.runtime.outcome import Outcome
from cloud_twin.services.lambda_.runtime.pool import EnvironmentPool
from cloud_twin.services.lambda_.throttle import Throttle

DEFAULT_LIMITS = {
    "concurrent_executions": 1000.0,
    "requests_per_concurrency_s": 10.0,
    "sync_payload_bytes": 6.0 * 1024 * 1024,
    "async_payload_bytes": 1.0 * 1024 * 1024,
}
"""AWS's quotas: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


class Lambda:
    """The twin's Lambda: a ``Service`` and a ``FunctionCaller``.

    Made on the running event loop or before; processes are started by the first invocation.
    """

    name = "lambda"
    signing_names: tuple[str, ...] = ("lambda",)
    protocol = Protocols.REST_JSON
    target_prefix = ""
    error_namespace = ""
    routes: Sequence[Route] = ROUTES
    served = frozenset(route.operation for route in ROUTES)

    def __init__(
        self,
        surroundings: Surroundings,
        streams: StreamSource,
        queues: QueueSink,
        options: LambdaOptions | None = None,
        calls: InnerCalls | None = None,
    ) -> None:
        self._surroundings = surroundings
        self._queues = queues
        self._options = options = options or LambdaOptions()
        self._calls = calls or UnplannedCalls()
        self.endpoint_url = options.endpoint_url
        """The twin's address, as functions are told; if not given, that of the first call."""
        clock = surroundings.clock
        self._limits = {**DEFAULT_LIMITS, "environments": float(options.environments_max)}
        self._pool = EnvironmentPool(clock, options, lambda: self.endpoint_url)
        self._throttle = Throttle(clock, 1000, 10.0)
        self._invoker = Invoker(surroundings, self._pool, self._throttle)
        self._registry = FunctionRegistry(clock, surroundings.account_id, options, self._pool)
        self._control = ControlPlane(self._registry, self._throttle)
        self._extras = FunctionExtras(self._registry, self._throttle, clock)
        self._mappings = MappingRegistry(
            streams, queues, surroundings, options, self._mapped, self._invoker.put_metric
        )
        self._events: dict[str, AsyncEvents] = {}
        self._operations = self._table()

    def _table(self) -> dict[str, Callable[[Call], Answer | Awaitable[Answer]]]:
        mappings = self._mappings
        table: dict[str, Callable[[Call], Answer | Awaitable[Answer]]] = {
            "Invoke": self._invoke,
            "DeleteFunction": self._delete_function,
            "CreateEventSourceMapping": lambda call: Answer(
                mappings.create(call.parameters, call.region), 202
            ),
            "GetEventSourceMapping": lambda call: Answer(mappings.get(call.parameters.get("UUID"))),
            "ListEventSourceMappings": lambda call: Answer(
                mappings.list(call.parameters, call.region)
            ),
            "UpdateEventSourceMapping": lambda call: Answer(
                mappings.update(call.parameters, call.region), 202
            ),
            "DeleteEventSourceMapping": lambda call: Answer(
                mappings.delete(call.parameters.get("UUID")), 202
            ),
        }
        for route in ROUTES:
            if route.operation not in table:
                method = _WORD.sub("_", route.operation).lower()
                part = self._control if hasattr(self._control, method) else self._extras
                table[route.operation] = getattr(part, method)
        return table

    # --- Service --------------------------------------------------------------------------

    def handle(self, call: Call) -> Answer | Awaitable[Answer]:
        """Carry out one call. Raises ``AwsError``."""
        operation = self._operations.get(call.operation)
        if operation is None:
            raise AwsError("UnknownOperationException", "", 404)
        if not self.endpoint_url and _LOOPBACK.fullmatch(host := call.headers.get("host", "")):
            self.endpoint_url = f"http://{host}"
        return operation(call)

    def limits(self) -> dict[str, float]:
        """AWS's quotas, and ``environments``: how many processes this machine bears."""
        return dict(self._limits)

    def set_limits(self, changes: Mapping[str, float]) -> None:
        """Change quotas. Raises ``TwinError``."""
        for name, value in changes.items():
            if name not in self._limits:
                known = ", ".join(sorted(self._limits))
                raise TwinError(f"unknown limit {name!r}; there are {known}")
            whole = name in ("concurrent_executions", "environments")
            if math.isnan(value) or value < (1 if whole else 0) or (whole and math.isinf(value)):
                raise TwinError(f"{name} cannot be {value}")
        self._limits.update(changes)
        self._apply_limits()

    async def reset(self) -> None:
        """Forget functions, mappings and events; end all processes."""
        await self.close()
        self._limits = {**DEFAULT_LIMITS, "environments": float(self._options.environments_max)}
        self._throttle.clear()
        self._apply_limits()

    async def close(self) -> None:
        """End mappings, events and processes; remove unpacked code."""
        await self._mappings.clear()
        events, self._events = list(self._events.values()), {}
        for queue in events:
            await queue.close()
        await self._pool.close()
        self._registry.clear()

    def _apply_limits(self) -> None:
        limits = self._limits
        self._throttle.set_limits(
            int(limits["concurrent_executions"]), limits["requests_per_concurrency_s"]
        )
        self._pool.environments_max = int(limits["environments"])

    def count_refusal(self, call: Call, error: AwsError, *, carried_out: bool = False) -> None:
        """A fault plan refuses an invocation of a function that is there."""
        if call.operation == "Invoke":
            with suppress(AwsError):
                function, _ = self._registry.named(call.parameters, call.region)
                self._invoker.count_refusal(function.name, error)

    # --- FunctionCaller and what else the twin itself asks --------------------------------

    async def invoke(self, function_name: str, payload: bytes) -> tuple[bytes, str | None]:
        """Synchronous invocation inside the twin. Raises ``AwsError``."""
        function, qualifier = self._registry.anywhere(function_name)
        event = Event(payload, function.qualified_arn(qualifier))
        outcome = await self._invoker.invoke(function.version(qualifier).deployment, event)
        return outcome.payload, outcome.function_error

    def logs(self, name: str) -> list[LogLine]:
        """Newest log lines of a function, oldest first. Raises ``AwsError``."""
        return self._registry.anywhere(name)[0].log.lines()

    def pids(self, name: str) -> list[int]:
        """Processes that hold a function now (for faults). Raises ``AwsError``."""
        function, _ = self._registry.anywhere(name)
        versions = (function.latest, *function.versions.values())
        return [pid for version in versions for pid in self._pool.pids(version.deployment)]

    def checkpoints(self, mapping_uuid: str) -> dict[str, str | None]:
        """Newest sequence number that is done, by shard. Raises ``AwsError``."""
        return self._mappings.find(mapping_uuid).checkpoints()

    # --- invoking -------------------------------------------------------------------------

    def _invoke(self, call: Call) -> Answer | Awaitable[Answer]:
        parameters, headers = call.parameters, call.headers
        function, qualifier = self._registry.named(parameters, call.region)
        version = function.version(qualifier)
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        if kind not in ("RequestResponse", "Event", "DryRun"):
            raise invalid(
                kind, "invocationType", "satisfy enum value set: [Event, RequestResponse, DryRun]"
            )
        event = self._event(call, kind, function.qualified_arn(qualifier))
        executed = {"X-Amz-Executed-Version": version.version}
        if kind == "DryRun":
            return Answer(status=204, headers=executed)
        if kind == "Event":
            queued_for = "" if qualifier == "$LATEST" else qualifier
            self._queue(function).put(event, queued_for, call.partial)
            return Answer(status=202)
        with_tail = headers.get("x-amz-log-type", "None") == "Tail"

        async def run() -> Answer:
            outcome = await self._invoker.invoke(version.deployment, event, call.partial)
            return _answer(outcome, with_tail)

        return run()

    def _event(self, call: Call, kind: str, invoked_arn: str) -> Event:
        payload = call.body or b"{}"
        limit = self._limits["async_payload_bytes" if kind == "Event" else "sync_payload_bytes"]
        if len(payload) > limit:
            raise AwsError(
                "RequestTooLargeException",
                f"Request must be smaller than {limit:.0f} bytes for the InvokeFunction operation",
                413,
            )
        try:
            orjson.loads(payload)
        except ValueError as error:
            raise AwsError(
                "InvalidRequestContentException",
                "Could not parse request body into json: "
                f"Could not parse payload into json: {error}",
            ) from None
        context = _client_context(call.headers.get("x-amz-client-context", ""))
        trace_id = call.headers.get("x-amzn-trace-id", "")
        return Event(payload, invoked_arn, call.request_id or str(uuid4()), context, trace_id)

    def _queue(self, function: Function) -> AsyncEvents:
        queue = self._events.get(function.arn)
        if queue is None:
            queue = self._events[function.arn] = AsyncEvents(
                function,
                self._invoker,
                self._throttle,
                self._queues,
                self._surroundings,
                self._options.async_retry_delays_s,
                self._options.async_events_max,
                self._registry.by_arn,
                self._calls,
            )
        return queue

    async def _delete_function(self, call: Call) -> Answer:
        function, qualifier = self._registry.named(call.parameters, call.region)
        if self._registry.delete(function, qualifier):
            self._throttle.unreserve(function.arn)
            queue = self._events.pop(function.arn, None)
            if queue is not None:
                await queue.close()
        return Answer(status=204)

    def _mapped(self, name: object, region: str) -> MappedByName:
        function, qualifier = self._registry.find(name, region)
        function.version(qualifier)
        return MappedByName(
            function.name, function.arn, qualifier, self._registry, self._invoker, self._calls
        )


def _answer(outcome: Outcome, with_tail: bool) -> Answer:
    headers = {"X-Amz-Executed-Version": outcome.executed_version}
    if outcome.function_error is not None:
        headers["X-Amz-Function-Error"] = outcome.function_error
    if with_tail:
        headers["X-Amz-Log-Result"] = base64.b64encode(outcome.log_tail).decode()
    return Answer(outcome.payload, headers=headers)


def _client_context(encoded: str) -> str:
    """The client context as JSON on one line; it becomes a header."""
    if not encoded:
        return ""
    try:
        return orjson.dumps(orjson.loads(base64.b64decode(encoded, validate=True))).decode()
    except (binascii.Error, ValueError):
        raise AwsError(
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
        ) from None
