"""A Lambda function that notes when it was entered and with which records, and does nothing else.

It is deployed as this one file. Each process appends to a file of its own in the directory that
the variable ``ARRIVALS_DIRECTORY`` names: one JSON line per event.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

DIRECTORY_VARIABLE = "ARRIVALS_DIRECTORY"


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Note the clock before anything else, then the records."""
    entered_s = time.time()
    records = [
        (part["kinesis"]["sequenceNumber"], part["kinesis"]["approximateArrivalTimestamp"])
        for part in event["Records"]
    ]
    line = json.dumps({"entered_s": entered_s, "records": records})
    path = os.path.join(os.environ[DIRECTORY_VARIABLE], f"{os.getpid()}.jsonl")
    with open(path, "a") as file:
        file.write(line + "\n")
