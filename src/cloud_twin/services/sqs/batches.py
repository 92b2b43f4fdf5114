"""What all batch operations have in common: their entries' ids, and faults among them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.service import Call
from cloud_twin.services.sqs.limits import SqsLimits
from cloud_twin.services.sqs.refusals import unserializable

_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")

Entry = Mapping[str, Any]


def read_batch(call: Call, limits: SqsLimits, kind: str) -> list[tuple[str, Entry]]:
    """Ids and entries. Raises ``AwsError`` for what refuses the whole batch."""
    entries = call.parameters.get("Entries")
    if not entries:
        raise AwsError("EmptyBatchRequest", f"There should be at least one {kind} in the request.")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise unserializable("Entries", "a list of structures")
    if len(entries) > limits.batch_entries:
        raise AwsError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {int(limits.batch_entries)}. You have "
            f"sent {len(entries)}.",
        )
    seen: set[str] = set()
    for entry in entries:
        entry_id = entry.get("Id")
        if not isinstance(entry_id, str) or not _ID.fullmatch(entry_id):
            raise AwsError(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and "
                "underscores. It can be at most 80 letters long.",
            )
        if entry_id in seen:
            raise AwsError("BatchEntryIdsNotDistinct", f"Id {entry_id} repeated.")
        seen.add(entry_id)
    return [(entry["Id"], entry) for entry in entries]


def run_batch(
    call: Call, entries: list[tuple[str, Entry]], one: Callable[[Entry], Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Carry out each entry by itself; ``one`` answers or raises ``AwsError``."""
    successful: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    partial = call.partial
    for entry_id, entry in entries:
        try:
            if partial is not None and partial.random.random() < partial.probability:
                raise AwsError(partial.code, partial.message, 500, sender=False)
            successful.append({"Id": entry_id} | dict(one(entry)))
        except AwsError as error:
            failed.append(
                {
                    "Id": entry_id,
                    "SenderFault": error.sender,
                    "Code": error.code,
                    "Message": error.message,
                }
            )
    return {"Successful": successful, "Failed": failed}
