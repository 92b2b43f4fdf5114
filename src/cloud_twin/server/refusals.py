"""Errors that come from AWS's front door, before any service sees the call.

The same trouble has another name and status in every protocol; this is the table.
"""

from __future__ import annotations

from cloud_twin.errors import AwsError
from cloud_twin.service import Protocols

_JSON = frozenset({Protocols.JSON_1_0, Protocols.JSON_1_1})

FRONT_DOOR = frozenset(
    {
        "AccessDeniedException",
        "IncompleteSignatureException",
        "InternalFailure",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "RequestEntityTooLargeException",
        "RequestTimeoutException",
        "SerializationException",
        "ServiceUnavailable",
        "UnknownOperationException",
        "UnrecognizedClientException",
    }
)
"""Codes in the namespace ``com.amazon.coral.service`` where a service writes namespaces."""


def missing_authentication(protocol: Protocols) -> AwsError:
    """The request is not signed."""
    if protocol is Protocols.REST_XML:
        return AwsError("AccessDenied", "Access Denied", 403)
    if protocol is Protocols.MODELLED:
        message = "Request is missing Authentication Token"
        return AwsError("MissingAuthenticationToken", message, 403)
    status = 400 if protocol in _JSON else 403
    return AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", status)


def bad_signature(error: AwsError, protocol: Protocols) -> AwsError:
    """A signature of the wrong form, in the words of ``protocol``."""
    incomplete = error.code == "IncompleteSignatureException"
    if protocol is Protocols.REST_XML:
        code = "AuthorizationHeaderMalformed" if incomplete else error.code
        return AwsError(code, error.message, error.status)
    if protocol is Protocols.MODELLED:
        code = "IncompleteSignature" if incomplete else error.code
        return AwsError(code, error.message, 400 if incomplete else 403)
    code = error.code if incomplete else "InvalidSignatureException"
    return AwsError(code, error.message, 400 if protocol in _JSON else 403)


def unknown_operation(operation: str, protocol: Protocols) -> AwsError:
    """The service has no such operation."""
    if protocol is Protocols.REST_XML:
        message = "The specified method is not allowed against this resource."
        return AwsError("MethodNotAllowed", message, 405)
    if protocol is Protocols.MODELLED:
        return AwsError("InvalidAction", f"Could not find operation {operation}")
    status = 400 if protocol in _JSON else 404
    return AwsError("UnknownOperationException", f"Unknown operation: {operation}", status)


def malformed(why: str, protocol: Protocols) -> AwsError:
    """The body is not what the protocol says it is."""
    if protocol is Protocols.REST_XML:
        message = "The XML you provided was not well-formed or did not validate against our schema"
        return AwsError("MalformedXML", f"{message}: {why}")
    return AwsError("SerializationException", why)


def too_large(why: str, protocol: Protocols) -> AwsError:
    """The request is larger than the twin takes."""
    if protocol is Protocols.REST_XML:
        message = "Your proposed upload exceeds the maximum allowed object size."
        return AwsError("EntityTooLarge", message)
    return AwsError("RequestEntityTooLargeException", why, 413)


def too_slow(why: str, protocol: Protocols) -> AwsError:
    """The rest of the request never came."""
    if protocol is Protocols.REST_XML:
        message = "Your socket connection to the server was not read from or written to within the"
        return AwsError("RequestTimeout", f"{message} timeout period.")
    return AwsError("RequestTimeoutException", why, 408)


def internal(service: str, protocol: Protocols) -> AwsError:
    """The twin failed; its log says how."""
    code = {
        "dynamodb": "InternalServerError",
        "lambda": "ServiceException",
        "s3": "InternalError",
        "bedrock-runtime": "InternalServerException",
        "cloudwatch": "InternalServiceError",
    }.get(service, "InternalFailure")
    message = "We encountered an internal error. Please try again."
    return AwsError(code, message, 500, sender=False)
