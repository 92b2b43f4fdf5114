"""The calls around a function: concurrency, asynchronous events, tags, the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_twin.clock import Clock
from cloud_twin.errors import AwsError
from cloud_twin.service import Answer, Call
from cloud_twin.services.lambda_.code import UNZIPPED_BYTES_MAX, ZIPPED_BYTES_MAX
from cloud_twin.services.lambda_.configuration import paged, whole_number, wrong
from cloud_twin.services.lambda_.functions import AsyncSettings, Function, text_map
from cloud_twin.services.lambda_.names import LATEST
from cloud_twin.services.lambda_.registry import FunctionRegistry
from cloud_twin.services.lambda_.throttle import Throttle

CODE_BYTES_MAX = 75 * 1024**3


class FunctionExtras:
    """One method per operation, named as it is; each takes a call and gives the answer."""

    def __init__(self, registry: FunctionRegistry, throttle: Throttle, clock: Clock) -> None:
        self._registry = registry
        self._throttle = throttle
        self._clock = clock

    def _named(self, call: Call) -> tuple[Function, str]:
        return self._registry.named(call.parameters, call.region)

    def put_function_concurrency(self, call: Call) -> Answer:
        """Reserve concurrency; 0 switches the function off."""
        function, _ = self._named(call)
        value = call.parameters.get("ReservedConcurrentExecutions")
        concurrency = whole_number("ReservedConcurrentExecutions", value, 0, 1_000_000)
        self._throttle.reserve(function.arn, concurrency)
        return Answer({"ReservedConcurrentExecutions": concurrency})

    def get_function_concurrency(self, call: Call) -> Answer:
        """The reservation; an empty answer where there is none."""
        function, _ = self._named(call)
        reserved = self._throttle.reserved(function.arn)
        return Answer({} if reserved is None else {"ReservedConcurrentExecutions": reserved})

    def delete_function_concurrency(self, call: Call) -> Answer:
        """Drop the reservation."""
        function, _ = self._named(call)
        self._throttle.unreserve(function.arn)
        return Answer(status=204)

    def put_function_event_invoke_config(self, call: Call) -> Answer:
        """Set how asynchronous events are treated, from AWS's defaults on."""
        return self._set_async(call, AsyncSettings())

    def update_function_event_invoke_config(self, call: Call) -> Answer:
        """Change how asynchronous events are treated."""
        function, qualifier = self._named(call)
        return self._set_async(call, self._async(function, qualifier))

    def get_function_event_invoke_config(self, call: Call) -> Answer:
        """How asynchronous events are treated. Raises ``AwsError`` where nothing was set."""
        function, qualifier = self._named(call)
        arn = function.qualified_arn(qualifier or LATEST)
        return Answer(self._async(function, qualifier).document(arn))

    def delete_function_event_invoke_config(self, call: Call) -> Answer:
        """Back to AWS's defaults."""
        function, qualifier = self._named(call)
        self._async(function, qualifier)
        del function.async_settings[_plain(qualifier)]
        return Answer(status=204)

    def list_function_event_invoke_configs(self, call: Call) -> Answer:
        """Of all qualifiers."""
        function, _ = self._named(call)
        rows = [
            settings.document(function.qualified_arn(qualifier or LATEST))
            for qualifier, settings in function.async_settings.items()
        ]
        return Answer(paged(rows, "FunctionEventInvokeConfigs", call.parameters, 50))

    def _async(self, function: Function, qualifier: str) -> AsyncSettings:
        settings = function.async_settings.get(_plain(qualifier))
        if settings is None:
            arn = function.qualified_arn(qualifier or LATEST)
            raise AwsError(
                "ResourceNotFoundException",
                f"The function {arn} doesn't have an EventInvokeConfig",
                404,
            )
        return settings

    def _set_async(self, call: Call, before: AsyncSettings) -> Answer:
        function, qualifier = self._named(call)
        function.version(qualifier)
        parameters = call.parameters
        retries, age_s = before.retries_max, before.age_s_max
        if (value := parameters.get("MaximumRetryAttempts")) is not None:
            retries = whole_number("MaximumRetryAttempts", value, 0, 2)
        if (value := parameters.get("MaximumEventAgeInSeconds")) is not None:
            age_s = whole_number("MaximumEventAgeInSeconds", value, 60, 21_600)
        success, failure = before.on_success, before.on_failure
        if (destinations := parameters.get("DestinationConfig")) is not None:
            success = _destination(destinations, "OnSuccess")
            failure = _destination(destinations, "OnFailure")
        settings = AsyncSettings(retries, age_s, success, failure, self._clock.wall_s())
        function.async_settings[_plain(qualifier)] = settings
        return Answer(settings.document(function.qualified_arn(qualifier or LATEST)))

    def list_tags(self, call: Call) -> Answer:
        """Tags of a function."""
        return Answer({"Tags": self._tagged(call).tags})

    def tag_resource(self, call: Call) -> Answer:
        """Add or replace tags."""
        self._tagged(call).tags.update(text_map(call.parameters.get("Tags"), "Tags"))
        return Answer(status=204)

    def untag_resource(self, call: Call) -> Answer:
        """Remove tags."""
        keys = call.parameters.get("tagKeys") or []
        function = self._tagged(call)
        for key in [keys] if isinstance(keys, str) else keys:
            function.tags.pop(key, None)
        return Answer(status=204)

    def _tagged(self, call: Call) -> Function:
        return self._registry.find(call.parameters.get("Resource"), call.region)[0]

    def get_account_settings(self, call: Call) -> Answer:
        """Quotas and what is used of them."""
        limits = {
            "TotalCodeSize": CODE_BYTES_MAX,
            "CodeSizeUnzipped": UNZIPPED_BYTES_MAX,
            "CodeSizeZipped": ZIPPED_BYTES_MAX,
            "ConcurrentExecutions": self._throttle.account,
            "UnreservedConcurrentExecutions": self._throttle.unreserved(),
        }
        usage = {
            "TotalCodeSize": self._registry.code_bytes(),
            "FunctionCount": len(self._registry),
        }
        return Answer({"AccountLimit": limits, "AccountUsage": usage})


def _destination(destinations: Mapping[str, Any], kind: str) -> str:
    arn = str((destinations.get(kind) or {}).get("Destination") or "")
    if arn and not arn.startswith("arn:aws:sqs:"):
        raise wrong(f"The destination ARN {arn} is invalid; the twin delivers to SQS queues only.")
    return arn


def _plain(qualifier: str) -> str:
    return "" if qualifier == LATEST else qualifier
