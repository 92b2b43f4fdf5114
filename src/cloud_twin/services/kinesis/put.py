"""PutRecords and PutRecord: from checked columns to shards, quotas, bill and metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer, Call, PartialFailure
from cloud_twin.services.kinesis.directory import StreamDirectory
from cloud_twin.services.kinesis.entries import Entries, read_entries
from cloud_twin.services.kinesis.metrics import StreamMetrics
from cloud_twin.services.kinesis.parameters import SEQUENCE_NUMBER, optional_text
from cloud_twin.services.kinesis.refusals import (
    THROTTLED,
    invalid,
    no_stream,
    throttled,
    throttled_text,
    unserializable,
    violation,
)
from cloud_twin.services.kinesis.shard import Shard
from cloud_twin.services.kinesis.stream import Mode, Stream

PAYLOAD_UNIT_BYTES = 25 * 1024
"""Provisioned streams are billed by this, on-demand ones by whole kilobytes of each record."""

Value = TypeVar("Value")


@dataclass(slots=True)
class _Outcome:
    """What became of a request: its answer's entries, and what was taken of it."""

    answers: list[str]
    throttled: int = 0
    refused_by: str = ""
    """The shard that refused last."""
    failed: int = 0
    records: int = 0
    size_bytes: int = 0
    billed: int = 0
    """Payload units, or kilobytes of an on-demand stream."""


class Putter:
    """Takes records."""

    def __init__(
        self,
        directory: StreamDirectory,
        metrics: StreamMetrics,
        grow: Callable[[Stream, int], None],
    ) -> None:
        self._directory = directory
        self._metrics = metrics
        self._grow = grow

    def put_records(self, call: Call) -> Answer:
        """PutRecords: each record is taken or refused by itself."""
        stream = self._writable(call)
        entries = self._entries(call.parameters.get("Records"), stream)
        outcome = self._take(stream, entries, call.partial)
        failed = outcome.throttled + outcome.failed
        body = f'{{"FailedRecordCount":{failed},"Records":[{",".join(outcome.answers)}]}}'
        return Answer(body.encode())

    def put_record(self, call: Call) -> Answer:
        """PutRecord: one record, or the error that refuses it."""
        stream = self._writable(call)
        ordering = optional_text(call.parameters, "SequenceNumberForOrdering", SEQUENCE_NUMBER, 129)
        if ordering is not None and all(s.position(ordering) is None for s in stream.listed()):
            raise invalid(
                f"ExclusiveMinimumSequenceNumber {ordering} used in PutRecord on stream "
                f"{stream.name} under account {self._directory.account_id} is invalid."
            )
        entry = {
            name: call.parameters[name]
            for name in ("Data", "PartitionKey", "ExplicitHashKey")
            if name in call.parameters
        }
        outcome = self._take(stream, self._entries([entry], stream, ""), None)
        if outcome.throttled:
            raise throttled(outcome.refused_by, stream.name, self._directory.account_id)
        return Answer(outcome.answers[0].encode())

    def count_throttle(self, call: Call) -> None:
        """A fault plan refuses a call: every record of it. Raises ``AwsError``: no such stream."""
        records = call.parameters.get("Records")
        count = len(records) if isinstance(records, list) else 1
        self._metrics.put(self._writable(call), 0, 0, count)

    # --- reading the request --------------------------------------------------------------

    def _writable(self, call: Call) -> Stream:
        stream = self._directory.find(call.parameters, call.region)
        if not stream.takes_data:
            raise no_stream(stream.name, self._directory.account_id)
        return stream

    def _entries(
        self, records: object, stream: Stream, where: str = "records.{}.member."
    ) -> Entries:
        limits = self._directory.limits
        if records is None:
            raise violation(None, "records", "Member must not be null")
        if not isinstance(records, list):
            raise unserializable("records must be a list")
        if not records:
            constraint = "Member must have length greater than or equal to 1"
            raise violation("[]", "records", constraint)
        if len(records) > limits.records_per_put:
            raise AwsError(
                "ValidationException",
                "1 validation error detected: Value at 'records' failed to satisfy constraint: "
                f"Member must have length less than or equal to {int(limits.records_per_put)}",
            )
        entries = read_entries(records, stream.max_record_bytes, where)
        if sum(entries.sizes_bytes) > limits.bytes_per_put:
            raise invalid(f"Records size exceeds {limits.bytes_per_put / (1 << 20):g} MB limit")
        return entries

    # --- taking records -------------------------------------------------------------------

    def _take(self, stream: Stream, entries: Entries, partial: PartialFailure | None) -> _Outcome:
        count = len(entries.keys)
        outcome = _Outcome([""] * count)
        wanted: Sequence[int] = range(count)
        if partial is not None:
            wanted = self._spared(outcome, count, partial)
        if len(stream.open) == 1:
            self._into(stream, stream.open[0], entries, wanted, outcome)
        else:
            members: list[list[int]] = [[] for _ in stream.open]
            places = stream.places(entries.digests())
            for at in wanted:
                members[places[at]].append(at)
            for shard, chosen in zip(stream.open, members, strict=True):
                if chosen:
                    self._into(stream, shard, entries, chosen, outcome)
        stream.trim()
        self._account(stream, outcome)
        return outcome

    def _spared(self, outcome: _Outcome, count: int, partial: PartialFailure) -> list[int]:
        """Fail entries as a fault plan says; the places of the others."""
        failure = json.dumps({"ErrorCode": partial.code, "ErrorMessage": partial.message})
        spared = []
        for at in range(count):
            if partial.random.random() < partial.probability:
                outcome.answers[at] = failure
                if partial.code == THROTTLED:
                    outcome.throttled += 1  # in the metrics like any other throttle
                else:
                    outcome.failed += 1
            else:
                spared.append(at)
        return spared

    def _into(
        self,
        stream: Stream,
        shard: Shard,
        entries: Entries,
        chosen: Sequence[int],
        outcome: _Outcome,
    ) -> None:
        """Put the chosen entries into one shard, as far as it takes them."""
        sizes = _pick(entries.sizes_bytes, chosen)
        admitted = shard.admit(sizes)
        if admitted is not None:
            refused = [at for at, fits in zip(chosen, admitted, strict=True) if not fits]
            chosen = [at for at, fits in zip(chosen, admitted, strict=True) if fits]
            text = throttled_text(shard.name, stream.name, self._directory.account_id)
            answer = json.dumps({"ErrorCode": THROTTLED, "ErrorMessage": text})
            for at in refused:
                outcome.answers[at] = answer
            outcome.throttled += len(refused)
            outcome.refused_by = shard.name
            sizes = _pick(entries.sizes_bytes, chosen)
        size_bytes = sum(sizes)
        self._metrics.written(stream, shard, len(sizes), size_bytes, len(admitted or ()))
        if not sizes:
            return
        answers = shard.put_answers(shard.log.end, len(sizes))
        stream.retained_bytes += shard.log.append(
            _pick(entries.keys, chosen),
            _pick(entries.data, chosen),
            sizes,
            round(self._directory.clock.wall_s(), 3),
        )
        if len(answers) == len(outcome.answers):
            outcome.answers = answers
        else:
            for at, answer in zip(chosen, answers, strict=True):
                outcome.answers[at] = answer
        outcome.records += len(sizes)
        outcome.size_bytes += size_bytes
        if stream.mode is Mode.ON_DEMAND:
            outcome.billed += sum([(size + 1023) >> 10 for size in sizes])
        elif max(sizes) <= PAYLOAD_UNIT_BYTES:
            outcome.billed += len(sizes)
        else:
            outcome.billed += sum([-(-size // PAYLOAD_UNIT_BYTES) for size in sizes])
        shard.wake()

    # --- counting -------------------------------------------------------------------------

    def _account(self, stream: Stream, outcome: _Outcome) -> None:
        self._metrics.put(stream, outcome.records, outcome.size_bytes, outcome.throttled)
        meter = self._directory.surroundings.meter
        if stream.mode is Mode.PROVISIONED:
            if outcome.billed:
                meter.add("kinesis", "put_payload_units", stream.name, outcome.billed)
            return
        if outcome.billed:
            meter.add("kinesis", "on_demand_bytes_in", stream.name, outcome.billed * 1024)
        clock = self._directory.clock
        wanted = stream.demand.note(
            outcome.records, outcome.size_bytes, clock.monotonic_s(), self._directory.limits
        )
        if wanted is not None and wanted > len(stream.open):
            self._grow(stream, wanted)


def _pick(column: Sequence[Value], chosen: Sequence[int]) -> Sequence[Value]:
    """The entries of a column at some places, which ascend."""
    if len(chosen) == len(column):
        return column
    return list(map(column.__getitem__, chosen))
