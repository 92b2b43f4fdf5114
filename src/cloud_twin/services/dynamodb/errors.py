"""DynamoDB's refusals, in its own words."""

from __future__ import annotations

from typing import Any

from cloud_twin.errors import AwsError

INVALID = "One or more parameter values were invalid: "


def validation(message: str) -> AwsError:
    """The request itself is wrong; never retried."""
    return AwsError("ValidationException", message)


def serialization(message: str) -> AwsError:
    """A member has another JSON type than the operation's input."""
    return AwsError("SerializationException", message)


def invalid(message: str) -> AwsError:
    """A ValidationException that begins as most of DynamoDB's do."""
    return validation(INVALID + message)


def constraint(value: object, member: str, rule: str) -> AwsError:
    """A member breaks a constraint of the service's model."""
    shown = "null" if value is None else f"'{value}'"
    return validation(
        f"1 validation error detected: Value {shown} at '{member}' "
        f"failed to satisfy constraint: {rule}"
    )


def table_not_found(name: str | None = None) -> AwsError:
    """``name`` is told by table operations only, as on AWS."""
    text = "Requested resource not found"
    if name is not None:
        text += f": Table: {name} not found"
    return AwsError("ResourceNotFoundException", text)


def resource_in_use(message: str) -> AwsError:
    """The table is in a state that does not allow the change."""
    return AwsError("ResourceInUseException", message)


def limit_exceeded(message: str) -> AwsError:
    """An account quota stands in the way."""
    return AwsError("LimitExceededException", message)


def condition_failed(item: dict[str, Any] | None = None) -> AwsError:
    """A condition was false; ``item`` where the caller asked to see it."""
    fields = {"Item": item} if item is not None else None
    return AwsError(
        "ConditionalCheckFailedException", "The conditional request failed", fields=fields
    )


def transaction_cancelled(reasons: list[dict[str, Any]]) -> AwsError:
    """``reasons``: one for each action, ``{"Code": "None"}`` where it was not to blame."""
    codes = ", ".join(str(reason["Code"]) for reason in reasons)
    message = (
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    )
    return AwsError(
        "TransactionCanceledException",
        message,
        fields={"CancellationReasons": reasons},
    )
