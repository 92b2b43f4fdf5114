"""The event that a function gets from a Kinesis stream, and what its answer says.

The records' data is base64 already and is put into the event as it is: nothing is decoded here.
Source: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from cloud_twin.ports import StreamRecord
from cloud_twin.services.lambda_.mappings.planner import Item

ENVELOPE_BYTES = len('{"Records":[]}')


class RecordTexts:
    """Writes records of one shard as parts of an event."""

    def __init__(self, stream_arn: str, region: str, shard_id: str, role: str) -> None:
        self._shard_id = shard_id
        self._end = (
            f'","eventName":"aws:kinesis:record","invokeIdentityArn":{_quoted(role)},'
            f'"awsRegion":{_quoted(region)},"eventSourceARN":{_quoted(stream_arn)}}}'
        )

    def items(self, records: Sequence[StreamRecord], first_ordinal: int) -> list[Item]:
        """The records as items, numbered from ``first_ordinal``."""
        shard_id, end = self._shard_id, self._end
        items = []
        for ordinal, record in enumerate(records, first_ordinal):
            number = record.sequence_number
            text = (
                '{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":'
                f'{_quoted(record.partition_key)},"sequenceNumber":"{number}",'
                f'"data":"{record.data_base64}",'
                f'"approximateArrivalTimestamp":{record.arrived_wall_s:.3f}}},'
                '"eventSource":"aws:kinesis","eventVersion":"1.0",'
                f'"eventID":"{shard_id}:{number}{end}'
            )
            items.append(Item(ordinal, number, record.arrived_wall_s, text))
        return items


def kinesis_event(items: Iterable[Item]) -> bytes:
    """The event as JSON."""
    return ('{"Records":[' + ",".join([item.text for item in items]) + "]}").encode()


def first_failure(payload: bytes, items: Sequence[Item]) -> int | None:
    """Index of the first record that ``batchItemFailures`` names; None if it names none.

    0 where the answer is malformed or names a record that was not in the batch: then the whole
    batch counts as failed.
    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
    """
    try:
        document = orjson.loads(payload)
    except ValueError:
        return 0
    if document is None:
        return None
    if not isinstance(document, dict):
        return 0
    failures = document.get("batchItemFailures")
    if not failures:
        return None if failures is None or failures == [] else 0
    if not isinstance(failures, list):
        return 0
    places = {item.sequence_number: index for index, item in enumerate(items)}
    first = len(items)
    for failure in failures:
        named = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        first = min(first, places.get(named, 0) if isinstance(named, str) else 0)
    return first


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()
