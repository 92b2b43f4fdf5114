"""PutRecords: how a call is written and what its answer says (a ``RecordCalls``).

Limits: API reference of PutRecords (500 records, 5 MiB with keys) and the quota of 1 MiB a record
that every stream has unless it was raised.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter

import orjson

from squall.load_generator.target_spec import CallLimits, CallReading
from squall.models import Outcome, Receipt
from squall.targets.aws.errors import kind_of, read_refusal
from squall.targets.aws.signed_calls import Buffer, SignedCalls

OPERATION = "Kinesis_20131202.PutRecords"
RECORDS_MAX = 500
CALL_BYTES_MAX = 5 * 1024 * 1024
"""Of data and keys; base64 makes what is counted here a third more, so it is a cautious bound."""
RECORD_BYTES_MAX = 1024 * 1024
_ERROR = b'"ErrorCode"'
_PLACE_AND_NUMBER = itemgetter("ShardId", "SequenceNumber")


class PutRecordsCalls:
    """Calls that put records into one stream."""

    def __init__(self, calls: SignedCalls, stream: str, linger_s: float) -> None:
        self._calls = calls
        self._limits = CallLimits(RECORDS_MAX, CALL_BYTES_MAX, RECORD_BYTES_MAX, linger_s)
        self._start = b'{"StreamName":' + orjson.dumps(stream) + b',"Records":['

    @property
    def limits(self) -> CallLimits:
        """What a call may carry."""
        return self._limits

    def request(self, records: Sequence[bytes | memoryview]) -> Sequence[Buffer]:
        """The whole request for these entries."""
        return self._calls.request((self._start, b",".join(records), b"]}"))

    def read(self, status: int, body: bytes, count: int) -> CallReading:
        """What the answer says of each record."""
        if status != 200:
            return self._refused(status, body)
        try:
            entries = orjson.loads(body)["Records"]
            if len(entries) != count:
                return CallReading(Outcome.INDETERMINATE, "answer_of_other_length")
            refused = _refused(entries) if _ERROR in body else {}
            taken = [e for at, e in enumerate(entries) if at not in refused] if refused else entries
            receipts = _receipts(taken)
        except (ValueError, KeyError, TypeError, AttributeError):
            return CallReading(Outcome.INDETERMINATE, "unreadable_answer")
        return CallReading(Outcome.ACCEPTED, refused=refused, again=True, receipts=receipts)

    def _refused(self, status: int, body: bytes) -> CallReading:
        refusal = read_refusal(status, body)
        if refusal.stale_keys:
            self._calls.keys_refused()
        outcome = Outcome.REJECTED if refusal.definite else Outcome.INDETERMINATE
        return CallReading(outcome, refusal.kind, again=refusal.passing)

    def sample_answer(self, count: int) -> bytes:
        """A whole response that accepts ``count`` records."""
        entry = {"SequenceNumber": "4" * 56, "ShardId": "shardId-000000000000"}
        body = orjson.dumps({"FailedRecordCount": 0, "Records": [entry] * count})
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def _refused(entries: Sequence[Mapping[str, str | None]]) -> dict[int, str]:
    """Kinds by position of the records that were not taken; others may have an empty code."""
    return {
        at: kind_of(code) for at, entry in enumerate(entries) if (code := entry.get("ErrorCode"))
    }


def _receipts(entries: Sequence[Mapping[str, str]]) -> tuple[Receipt, ...]:
    """Lowest and highest sequence number by shard. Numbers of one length compare as text."""
    numbers: defaultdict[str, list[str]] = defaultdict(list)
    for shard, number in map(_PLACE_AND_NUMBER, entries):
        numbers[shard].append(number)
    receipts = []
    for shard, found in numbers.items():
        key = None if len(set(map(len, found))) == 1 else _by_number
        receipts.append(Receipt(shard, min(found, key=key), max(found, key=key), len(found)))
    return tuple(receipts)


def _by_number(digits: str) -> tuple[int, str]:
    return len(digits), digits
