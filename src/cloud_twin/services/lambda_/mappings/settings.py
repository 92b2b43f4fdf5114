"""What an event-source mapping is told: checked, completed with AWS's defaults, written out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.services.lambda_.mappings.planner import Policy
from cloud_twin.services.lambda_.names import invalid

POSITIONS = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")
EVENT_BYTES_MAX = 6 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """The settings of a mapping that can be changed, with AWS's defaults."""

    batch_size: int = 100
    window_s: int = 0
    parallelization: int = 1
    bisect: bool = False
    retries_max: int = -1
    age_s_max: int = -1
    on_failure: str = ""
    report_failures: bool = False
    enabled: bool = True

    def policy(self, envelope_bytes: int) -> Policy:
        """What the planner is told."""
        return Policy(
            batch_size=self.batch_size,
            batch_bytes=EVENT_BYTES_MAX - envelope_bytes,
            window_s=self.window_s,
            bisect=self.bisect,
            retries_max=None if self.retries_max < 0 else self.retries_max,
            age_s_max=None if self.age_s_max < 0 else self.age_s_max,
        )

    def document(self) -> dict[str, Any]:
        """As in EventSourceMappingConfiguration."""
        destination = {"OnFailure": {"Destination": self.on_failure}} if self.on_failure else {}
        return {
            "BatchSize": self.batch_size,
            "MaximumBatchingWindowInSeconds": self.window_s,
            "ParallelizationFactor": self.parallelization,
            "BisectBatchOnFunctionError": self.bisect,
            "MaximumRetryAttempts": self.retries_max,
            "MaximumRecordAgeInSeconds": self.age_s_max,
            "TumblingWindowInSeconds": 0,
            "DestinationConfig": destination,
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if self.report_failures else [],
        }


_NUMBERS = {
    "BatchSize": ("batch_size", 1, 10_000),
    "MaximumBatchingWindowInSeconds": ("window_s", 0, 300),
    "ParallelizationFactor": ("parallelization", 1, 10),
    "MaximumRetryAttempts": ("retries_max", -1, 10_000),
    "MaximumRecordAgeInSeconds": ("age_s_max", -1, 604_800),
}
_UNSUPPORTED = (
    "FilterCriteria",
    "KMSKeyArn",
    "ScalingConfig",
    "SelfManagedEventSource",
    "Topics",
    "Queues",
    "SourceAccessConfigurations",
    "AmazonManagedKafkaEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "ProvisionedPollerConfig",
)


def read_settings(parameters: Mapping[str, Any], before: MappingSettings) -> MappingSettings:
    """``before`` with the changes of a create or update call. Raises ``AwsError``."""
    for member in _UNSUPPORTED:
        if parameters.get(member):
            raise _wrong(f"{member} is not supported for Kinesis mappings on the twin.")
    if parameters.get("TumblingWindowInSeconds"):
        raise _wrong("TumblingWindowInSeconds is not supported on the twin; leave it out.")
    changes: dict[str, Any] = {}
    for member, (field, least, most) in _NUMBERS.items():
        if parameters.get(member) is not None:
            changes[field] = _number(member, parameters[member], least, most)
    for member, field in (("BisectBatchOnFunctionError", "bisect"), ("Enabled", "enabled")):
        if parameters.get(member) is not None:
            changes[field] = bool(parameters[member])
    if parameters.get("DestinationConfig") is not None:
        changes["on_failure"] = _on_failure(parameters["DestinationConfig"])
    if parameters.get("FunctionResponseTypes") is not None:
        types = parameters["FunctionResponseTypes"]
        if types not in ([], ["ReportBatchItemFailures"]):
            raise invalid(
                types, "functionResponseTypes", "satisfy enum value set: [ReportBatchItemFailures]"
            )
        changes["report_failures"] = bool(types)
    settings = replace(before, **changes)
    if 0 <= settings.age_s_max < 60:
        raise _wrong("MaximumRecordAgeInSeconds must be -1 or from 60 to 604800.")
    return settings


def _number(member: str, value: object, least: int, most: int) -> int:
    name = member[0].lower() + member[1:]
    if isinstance(value, bool) or not isinstance(value, int):
        raise AwsError("SerializationException", f"{member} must be a whole number")
    if value < least:
        raise invalid(value, name, f"have value greater than or equal to {least}")
    if value > most:
        raise invalid(value, name, f"have value less than or equal to {most}")
    return value


def _on_failure(config: object) -> str:
    if not isinstance(config, dict) or config.get("OnSuccess"):
        raise _wrong("DestinationConfig of a stream mapping takes OnFailure only.")
    destination = (config.get("OnFailure") or {}).get("Destination") or ""
    if destination and not str(destination).startswith("arn:aws:sqs:"):
        raise _wrong(
            f"The destination ARN {destination} is invalid; the twin delivers to SQS queues only."
        )
    return str(destination)


def _wrong(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message, fields={"Type": "User"})
