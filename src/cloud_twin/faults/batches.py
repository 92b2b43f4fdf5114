"""Operations that can fail in part: what a plan with ``when: body`` can hit."""

from __future__ import annotations

from collections.abc import Mapping

BATCHES: Mapping[str, frozenset[str]] = {
    "dynamodb": frozenset({"BatchGetItem", "BatchWriteItem"}),
    "kinesis": frozenset({"PutRecords"}),
    "lambda": frozenset({"Invoke"}),
    "sqs": frozenset({"ChangeMessageVisibilityBatch", "DeleteMessageBatch", "SendMessageBatch"}),
}
"""By service. An Invoke is none, but its answer too can say that it failed."""


def has_parts(service: str, operation: str) -> bool:
    """Whether the answer of an operation has places for errors of its own."""
    return operation in BATCHES.get(service, ())


def problem_with_body(service: str | None, operation: str | None) -> str | None:
    """Why ``body`` can hit nothing of what a plan names; None where it can."""
    possible = {
        name: sorted(operations)
        for name, operations in BATCHES.items()
        if service is None or service == name
    }
    if operation is None and possible:
        return None
    if any(operation in operations for operations in possible.values()):
        return None
    meant = " ".join(part for part in (service, operation) if part)
    there_are = "; ".join(
        f"{name} {', '.join(sorted(operations))}" for name, operations in sorted(BATCHES.items())
    )
    return f"'when': 'body' fails parts of an answer, and {meant} has none; possible: {there_are}"
