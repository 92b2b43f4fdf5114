"""The queue service's errors in AWS's words, named as in its JSON model."""

from __future__ import annotations

from cloud_twin.errors import AwsError


def invalid(message: str) -> AwsError:
    """A parameter with a value that cannot be."""
    return AwsError("InvalidParameterValue", message)


def out_of_range(value: object, name: str, reason: str) -> AwsError:
    """A parameter outside its bounds."""
    return invalid(f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def missing(name: str) -> AwsError:
    """A parameter that must be there."""
    return AwsError("MissingParameter", f"The request must contain the parameter {name}.")


def unserializable(name: str, kind: str) -> AwsError:
    """A parameter of another JSON type."""
    return AwsError("SerializationException", f"{name} must be {kind}")


def no_queue() -> AwsError:
    """There is no such queue."""
    return AwsError("QueueDoesNotExist", "The specified queue does not exist.")


def bad_receipt(handle: str) -> AwsError:
    """A receipt handle that was never given out."""
    return AwsError(
        "ReceiptHandleIsInvalid",
        f'The input receipt handle "{handle}" is not a valid receipt handle.',
    )


def not_offered(what: str) -> AwsError:
    """Something AWS has and the twin has not."""
    return AwsError("UnsupportedOperation", f"The twin's SQS does not offer {what}.")


def no_resource(parameter: str) -> AwsError:
    """An ARN of a queue that is not there."""
    return AwsError(
        "ResourceNotFoundException",
        f"The resource that you specified for the {parameter} parameter doesn't exist.",
    )
