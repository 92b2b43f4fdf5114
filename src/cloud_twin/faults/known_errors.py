"""AWS's own statuses and texts of the errors that plans name most.

Source: AWS's API references and botocore's service models; see docs/twin.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class KnownError:
    """Status, text and further members of one error."""

    status: int
    message: str
    fields: Mapping[str, object] = field(default_factory=dict)


_RATE = "Rate exceeded"
_THROUGHPUT = (
    "The level of configured provisioned throughput for the table was exceeded. Consider"
    " increasing your provisioning level with the UpdateTable API."
)
_REQUEST_LIMIT = (
    "Throughput exceeds the current throughput limit for your account. Please contact AWS"
    " Support at https://aws.amazon.com/support request a limit increase"
)
_UNAVAILABLE = "Service is unable to handle request."
_INTERNAL = "We encountered an internal error. Please try again."

_KNOWN: Mapping[str, Mapping[str, KnownError]] = {
    "kinesis": {
        "ProvisionedThroughputExceededException": KnownError(
            400, "Rate exceeded for shard shardId-000000000000."
        ),
        "ExpiredIteratorException": KnownError(400, "Iterator expired."),
        "LimitExceededException": KnownError(400, _RATE),
        "ResourceNotFoundException": KnownError(400, "Stream not found."),
        "KMSThrottlingException": KnownError(400, _RATE),
        "InternalFailure": KnownError(500, _INTERNAL),
        "ServiceUnavailable": KnownError(503, _UNAVAILABLE),
    },
    "dynamodb": {
        "ProvisionedThroughputExceededException": KnownError(400, _THROUGHPUT),
        "ThrottlingException": KnownError(400, _RATE),
        "RequestLimitExceeded": KnownError(400, _REQUEST_LIMIT),
        "ConditionalCheckFailedException": KnownError(400, "The conditional request failed"),
        "TransactionConflictException": KnownError(400, "Transaction is ongoing for the item"),
        "ResourceNotFoundException": KnownError(400, "Requested resource not found"),
        "InternalServerError": KnownError(500, "Internal server error"),
        "ServiceUnavailable": KnownError(503, _UNAVAILABLE),
    },
    "lambda": {
        "TooManyRequestsException": KnownError(
            429,
            "Rate Exceeded.",
            {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User"},
        ),
        "ResourceNotFoundException": KnownError(404, "Function not found.", {"Type": "User"}),
        "ResourceConflictException": KnownError(
            409, "The operation cannot be performed at this time.", {"Type": "User"}
        ),
        "ServiceException": KnownError(500, "An error occurred.", {"Type": "Service"}),
        "EC2ThrottledException": KnownError(502, _RATE, {"Type": "Service"}),
    },
    "bedrock-runtime": {
        "ThrottlingException": KnownError(
            429, "Too many requests, please wait before trying again."
        ),
        "ModelNotReadyException": KnownError(429, "The model is not ready for inference."),
        "ServiceUnavailableException": KnownError(503, "The service is currently unavailable."),
        "InternalServerException": KnownError(500, "An internal server error occurred."),
        "ModelTimeoutException": KnownError(
            408, "The request took too long to process. Processing time exceeded the model timeout."
        ),
        "ModelErrorException": KnownError(
            424, "The request failed due to an error while processing the model."
        ),
        "ServiceQuotaExceededException": KnownError(
            400, "Your request exceeds the service quota for your account."
        ),
        "AccessDeniedException": KnownError(
            403, "You don't have access to the model with the specified model ID."
        ),
    },
    "s3": {
        "SlowDown": KnownError(503, "Please reduce your request rate."),
        "InternalError": KnownError(500, _INTERNAL),
        "ServiceUnavailable": KnownError(503, "Reduce your request rate."),
        "RequestTimeout": KnownError(
            400,
            "Your socket connection to the server was not read from or written to within the"
            " timeout period.",
        ),
        "AccessDenied": KnownError(403, "Access Denied"),
        "NoSuchKey": KnownError(404, "The specified key does not exist."),
        "NoSuchBucket": KnownError(404, "The specified bucket does not exist"),
    },
    "sqs": {
        "RequestThrottled": KnownError(400, "The request was denied due to request throttling."),
        "OverLimit": KnownError(400, "The maximum number of in flight messages is reached."),
        "QueueDoesNotExist": KnownError(400, "The specified queue does not exist."),
        "InternalFailure": KnownError(500, _INTERNAL),
        "ServiceUnavailable": KnownError(503, _UNAVAILABLE),
    },
    "cloudwatch": {
        "Throttling": KnownError(400, _RATE),
        "ThrottlingException": KnownError(400, _RATE),
        "InternalServiceError": KnownError(500, _INTERNAL),
        "LimitExceeded": KnownError(400, _RATE),
    },
}

_ANY: Mapping[str, KnownError] = {
    "Throttling": KnownError(400, _RATE),
    "ThrottlingException": KnownError(400, _RATE),
    "AccessDeniedException": KnownError(400, "User is not authorized to perform this action"),
    "ExpiredTokenException": KnownError(
        400, "The security token included in the request is expired"
    ),
    "UnrecognizedClientException": KnownError(
        400, "The security token included in the request is invalid."
    ),
    "InternalFailure": KnownError(500, _INTERNAL),
    "ServiceUnavailable": KnownError(503, _UNAVAILABLE),
}


def known_error(service: str | None, code: str) -> KnownError | None:
    """What AWS says with this code; None where the twin does not know.

    Without a service it is what the first service says that knows the code.
    """
    if service is None:
        return next((errors[code] for errors in _KNOWN.values() if code in errors), _ANY.get(code))
    return _KNOWN.get(service, {}).get(code) or _ANY.get(code)
