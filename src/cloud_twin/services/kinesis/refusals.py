"""The stream service's errors in AWS's words.

Texts are those that kinesalite's tests recorded from AWS, and those of the API reference.
"""

from __future__ import annotations

from cloud_twin.errors import AwsError


def violation(value: object, at: str, constraint: str) -> AwsError:
    """A parameter that breaks a constraint of the model."""
    shown = "null" if value is None else f"'{value}'"
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value {shown} at '{at}' failed to satisfy constraint: "
        f"{constraint}",
    )


def invalid(message: str) -> AwsError:
    """A parameter that is well formed but makes no sense."""
    return AwsError("InvalidArgumentException", message)


def unserializable(message: str) -> AwsError:
    """A parameter of another JSON type."""
    return AwsError("SerializationException", message)


def in_use(message: str) -> AwsError:
    """The stream is not in a state for this."""
    return AwsError("ResourceInUseException", message)


def over_limit(message: str) -> AwsError:
    """A quota of the account or the stream."""
    return AwsError("LimitExceededException", message)


def no_stream(name: str, account_id: str) -> AwsError:
    """There is no such stream."""
    return AwsError(
        "ResourceNotFoundException", f"Stream {name} under account {account_id} not found."
    )


def no_shard(shard_id: str, stream: str, account_id: str) -> AwsError:
    """There is no such shard; as the operations that change shards say it."""
    return AwsError(
        "ResourceNotFoundException",
        f"Could not find shard {shard_id} in stream {stream} under account {account_id}.",
    )


def shard_missing(shard_id: str, stream: str, account_id: str) -> AwsError:
    """There is no such shard; as the operations that read say it."""
    return AwsError(
        "ResourceNotFoundException",
        f"Shard {shard_id} in stream {stream} under account {account_id} does not exist",
    )


THROTTLED = "ProvisionedThroughputExceededException"


def throttled_text(shard_id: str, stream: str, account_id: str) -> str:
    """What a refused record or read says."""
    return f"Rate exceeded for shard {shard_id} in stream {stream} under account {account_id}."


def throttled(shard_id: str, stream: str, account_id: str) -> AwsError:
    """A shard's quota is used up."""
    return AwsError(THROTTLED, throttled_text(shard_id, stream, account_id))
