"""Records of failed (and successful) events, in AWS's own form, sent to SQS queues.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html,
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import orjson

from cloud_twin.services.lambda_.mappings.planner import Discard, Item
from cloud_twin.services.lambda_.runtime.outcome import Outcome


def timestamp(wall_s: float) -> str:
    """``2026-01-31T12:00:00.123Z``."""
    moment = datetime.fromtimestamp(wall_s, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def discarded_batch(
    discard: Discard,
    outcome: Outcome | None,
    function_arn: str,
    stream_arn: str,
    shard_id: str,
    wall_s: float,
) -> str:
    """A batch that a stream mapping has given up; ``outcome`` is the last one it had, if any."""
    items: Sequence[Item] = discard.items
    document: dict[str, object] = {
        "requestContext": {
            "requestId": outcome.request_id if outcome is not None else str(uuid4()),
            "functionArn": function_arn,
            "condition": discard.condition,
            "approximateInvokeCount": discard.invokes,
        }
    }
    if outcome is not None:
        document["responseContext"] = _response(outcome)
    document["version"] = "1.0"
    document["timestamp"] = timestamp(wall_s)
    document["KinesisBatchInfo"] = {
        "shardId": shard_id,
        "startSequenceNumber": items[0].sequence_number,
        "endSequenceNumber": items[-1].sequence_number,
        "approximateArrivalOfFirstRecord": timestamp(items[0].arrived_wall_s),
        "approximateArrivalOfLastRecord": timestamp(items[-1].arrived_wall_s),
        "batchSize": len(items),
        "streamArn": stream_arn,
    }
    return orjson.dumps(document).decode()


def async_record(
    outcome: Outcome | None,
    request_id: str,
    function_arn: str,
    condition: str,
    invokes: int,
    payload: bytes,
    wall_s: float,
) -> str:
    """What an asynchronous event came to (``Success``, ``RetriesExhausted``, …)."""
    document: dict[str, object] = {
        "version": "1.0",
        "timestamp": timestamp(wall_s),
        "requestContext": {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": invokes,
        },
        "requestPayload": orjson.loads(payload),
    }
    if outcome is not None:
        document["responseContext"] = _response(outcome)
        try:
            document["responsePayload"] = orjson.loads(outcome.payload)
        except ValueError:
            document["responsePayload"] = outcome.payload.decode("utf-8", "replace")
    return orjson.dumps(document).decode()


def _response(outcome: Outcome) -> dict[str, object]:
    document: dict[str, object] = {"statusCode": 200, "executedVersion": outcome.executed_version}
    if outcome.function_error is not None:
        document["functionError"] = outcome.function_error
    return document
