"""boto3's put_records in a loop: ``python -m benchmarks.comparators.boto3_kinesis_load …``.

Its transactions are made by squall's own factory and template, a block at a time, as the engine
makes them; what that costs is reported apart. One thread, one call after the other, 500 records a
call.
"""

from __future__ import annotations

import argparse
import json
import time

import boto3
import numpy as np
from botocore.config import Config

from benchmarks.comparators.squall_load import EPOCH_S, RUN_TAG
from squall.load_generator.transactions import FactorySpec
from squall.models import FIELDS, Column, Mix
from squall.targets.aws.record_writer import RecordWriter

RECORDS = 500
CALLS_IN_BLOCK = 4
PLANNED = 2_000_000


class Maker:
    """Makes the engine's own transactions as boto3 takes them."""

    def __init__(self, seed: int) -> None:
        source = FactorySpec(
            seed=seed, planned=PLANNED, epoch_s=EPOCH_S, mix=Mix(fraud=0.15, edge_cases=0.0)
        )
        self._writer = RecordWriter(FIELDS, "user_id")
        self._source = source.build(RUN_TAG, self._writer.fields)
        self._next = 0

    def calls(self) -> list[list[dict[str, object]]]:
        """The records of the next few calls."""
        rows = RECORDS * CALLS_IN_BLOCK
        batch = self._source.batch(np.arange(self._next, self._next + rows))
        self._next += rows
        keys = _texts(batch.columns["user_id"])
        entries: list[dict[str, object]] = [
            {"Data": body, "PartitionKey": key}
            for body, key in zip(self._writer.bodies(batch), keys, strict=True)
        ]
        return [entries[at : at + RECORDS] for at in range(0, rows, RECORDS)]


def _texts(column: Column) -> list[str]:
    """Strings of one length without their quotes."""
    text = column.json[:, 1:-1].tobytes().decode("ascii")
    width = column.width - 2
    return [text[at : at + width] for at in range(0, len(text), width)]


def run(endpoint_url: str, stream: str, duration_s: float) -> dict[str, float]:
    """Put records for a while; what it took."""
    client = boto3.client(
        "kinesis", endpoint_url=endpoint_url, config=Config(retries={"total_max_attempts": 1})
    )
    maker = Maker(1)
    client.put_records(StreamName=stream, Records=maker.calls()[0])
    started, cpu = time.monotonic(), time.process_time()
    records = failed = 0
    making_cpu_s = 0.0
    while time.monotonic() - started < duration_s:
        before = time.process_time()
        calls = maker.calls()
        making_cpu_s += time.process_time() - before
        for call in calls:
            answer = client.put_records(StreamName=stream, Records=call)
            records += len(answer["Records"])
            failed += answer["FailedRecordCount"]
    return {
        "records": records,
        "failed": failed,
        "cpu_s": time.process_time() - cpu,
        "making_cpu_s": making_cpu_s,
        "elapsed_s": time.monotonic() - started,
    }


def main() -> None:
    """Read the options, run, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint-url", required=True)
    parser.add_argument("--stream", required=True)
    parser.add_argument("--duration-s", type=float, required=True)
    options = parser.parse_args()
    print(
        "BENCH " + json.dumps(run(options.endpoint_url, options.stream, options.duration_s)),
        flush=True,
    )


if __name__ == "__main__":
    main()
