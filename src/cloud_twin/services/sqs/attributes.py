"""A queue's settings: read from and written as queue attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from cloud_twin.errors import AwsError
from cloud_twin.services.sqs.refusals import invalid, not_offered

DAY_S = 24 * 3600
_RANGES = {
    "DelaySeconds": ("delay_s", 0, 900),
    "MaximumMessageSize": ("message_bytes", 1024, 1024 * 1024),
    "MessageRetentionPeriod": ("retention_s", 60, 14 * DAY_S),
    "ReceiveMessageWaitTimeSeconds": ("wait_s", 0, 20),
    "VisibilityTimeout": ("visibility_s", 0, DAY_S // 2),
}
_KEPT = ("Policy", "RedriveAllowPolicy", "SqsManagedSseEnabled", "KmsMasterKeyId")
_KEPT_TOO = ("KmsDataKeyReusePeriodSeconds",)
_FIFO = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
READ_ONLY = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
)
NAMES = ("All", *_RANGES, *_KEPT, *_KEPT_TOO, *_FIFO, "RedrivePolicy", *READ_ONLY)


@dataclass(frozen=True, slots=True)
class Redrive:
    """When a message goes to a dead-letter queue instead of a receiver."""

    target_arn: str
    max_receive_count: int


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """Settings with AWS's defaults. ``kept``: attributes that change nothing here."""

    delay_s: int = 0
    message_bytes: int = 1024 * 1024
    retention_s: int = 4 * DAY_S
    wait_s: int = 0
    visibility_s: int = 30
    redrive: Redrive | None = None
    kept: tuple[tuple[str, str], ...] = ()

    def with_attributes(self, attributes: Mapping[str, str]) -> QueueSettings:
        """Settings after a CreateQueue or SetQueueAttributes. Raises ``AwsError``."""
        changes: dict[str, int] = {}
        redrive = self.redrive
        kept = dict(self.kept)
        for name, value in attributes.items():
            if name in _RANGES:
                field, least, most = _RANGES[name]
                changes[field] = _whole(name, value, least, most)
            elif name == "RedrivePolicy":
                redrive = _redrive(value)
            elif name in _KEPT or name in _KEPT_TOO:
                kept[name] = value
            elif name in _FIFO:
                _refuse_fifo(name, value)
            else:
                raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")
        items = tuple(sorted((name, value) for name, value in kept.items() if value))
        return replace(self, redrive=redrive, kept=items, **changes)

    def as_attributes(self) -> dict[str, str]:
        """As GetQueueAttributes gives them."""
        attributes = {name: str(getattr(self, field)) for name, (field, _, _) in _RANGES.items()}
        attributes["SqsManagedSseEnabled"] = "true"
        attributes.update(self.kept)
        if self.redrive is not None:
            attributes["RedrivePolicy"] = json.dumps(
                {
                    "deadLetterTargetArn": self.redrive.target_arn,
                    "maxReceiveCount": self.redrive.max_receive_count,
                },
                separators=(",", ":"),
            )
        return attributes

    def difference(self, other: QueueSettings) -> str | None:
        """The name of an attribute that differs."""
        names = {field: name for name, (field, _, _) in _RANGES.items()}
        names |= {"redrive": "RedrivePolicy", "kept": "Policy"}
        for one in fields(self):
            if getattr(self, one.name) != getattr(other, one.name):
                return names[one.name]
        return None


def _whole(name: str, value: str, least: int, most: int) -> int:
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or not least <= int(value) <= most:
        raise AwsError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")
    return int(value)


def _redrive(value: str) -> Redrive | None:
    if not value:
        return None
    try:
        policy = json.loads(value)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        raise AwsError(
            "InvalidAttributeValue",
            f"Value {value} for parameter RedrivePolicy is invalid. Reason: Redrive policy is not "
            "a valid JSON map.",
        )
    if not policy:
        return None
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if policy.get(name) is None:
            raise invalid(
                f"Value {value} for parameter RedrivePolicy is invalid. Reason: Redrive policy "
                f"does not contain mandatory attribute: {name}."
            )
    target, count = str(policy["deadLetterTargetArn"]), str(policy["maxReceiveCount"])
    if not count.isdecimal() or not 1 <= int(count) <= 1000:
        raise invalid(
            f"Value {value} for parameter RedrivePolicy is invalid. Reason: Invalid value for "
            f"maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive."
        )
    return Redrive(target, int(count))


def _refuse_fifo(name: str, value: str) -> None:
    if name != "FifoQueue":
        raise AwsError(
            "InvalidAttributeName",
            f"You can specify the {name} only when FifoQueue is set to true.",
        )
    if value.lower() == "true":
        raise not_offered("FIFO queues; create a standard queue")
