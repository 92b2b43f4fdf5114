"""What a fault plan may say, and every problem at once."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from cloud_twin.faults import FaultPlan

THROTTLE = {"code": "ThrottlingException"}


def problems(document: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        FaultPlan.model_validate(document)
    return str(caught.value)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "nothing would happen"),
        ({"error": THROTTLE, "latency_ms": 5}, "'error' needs 'when'"),
        ({"when": "before"}, "needs 'error'"),
        ({"when": "body"}, "needs 'error'"),
        (
            {"when": "body", "error": THROTTLE, "service": "dynamodb", "operation": "GetItem"},
            "dynamodb GetItem has none; possible: dynamodb BatchGetItem, BatchWriteItem; kinesis",
        ),
        ({"when": "body", "error": THROTTLE, "operation": "GetItem"}, "and GetItem has none"),
        ({"when": "body", "error": THROTTLE, "service": "s3"}, "and s3 has none"),
        ({"when": "drop", "error": THROTTLE}, "takes no 'error'"),
        ({"when": "drop", "jitter_ms": 5}, "'jitter_ms' must not be more"),
        ({"when": "before", "error": {"code": "MyOwnError"}}, "give 'error.status'"),
        ({"when": "sometimes"}, "'before', 'after', 'body' or 'drop'"),
        ({"when": "drop", "probability": 0}, "greater than 0"),
        ({"when": "drop", "probability": 1.5}, "less than or equal to 1"),
        ({"when": "drop", "count": 0}, "greater than or equal to 1"),
        ({"when": "drop", "attempts": []}, "at least 1 item"),
        ({"when": "drop", "lease_s": 1e9}, "less than or equal to 3600"),
        ({"when": "drop", "operations": "PutRecords"}, "Extra inputs are not permitted"),
        ({"when": "before", "error": {"code": "not a code"}}, "should match pattern"),
        ({"when": "before", "error": {**THROTTLE, "status": 200}}, "greater than or equal to 400"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_bad_plans_say_what_to_change(document: dict[str, Any], message: str) -> None:
    assert message in problems(document)


def test_all_problems_are_told_at_once() -> None:
    text = problems({"when": "before", "count": 0, "probability": 2, "lease_s": -1})
    assert all(name in text for name in ("count", "probability", "lease_s"))
    text = problems({"when": "drop", "error": {"code": "NoSuch"}, "jitter_ms": 3})
    assert "takes no 'error'" in text
    assert "jitter_ms" in text


@pytest.mark.parametrize(
    "meant",
    [
        {},
        {"service": "sqs"},
        {"operation": "PutRecords"},
        {"service": "dynamodb", "operation": "BatchGetItem"},
    ],
    ids=str,
)
def test_a_fault_in_the_body_of_what_has_parts_is_fine(meant: dict[str, str]) -> None:
    assert FaultPlan.model_validate({"when": "body", "error": THROTTLE, **meant}).when == "body"


def test_an_error_may_be_unknown_where_it_only_stands_in_a_body() -> None:
    plan = FaultPlan.model_validate({"when": "body", "error": {"code": "InternalFailureOfMine"}})
    assert plan.error is not None
