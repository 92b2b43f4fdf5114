from __future__ import annotations

import base64
import json
import random
import re

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.servers.aws_calls import (
    BATCH_WRITE,
    ITEM_BYTES,
    PUT_RECORDS,
    item,
    items_body,
    records_body,
    signed_call,
)
from cloud_twin.services.dynamodb.number import size_bytes

URL = "http://127.0.0.1:1234"


@given(seed=st.integers(0, 10**6))
def test_every_item_has_the_size_that_is_promised(seed: int) -> None:
    used = 0
    for name, value in item(random.Random(seed)).items():
        ((kind, text),) = value.items()
        used += len(name) + (size_bytes(text) if kind == "N" else len(text.encode()))
    assert used == ITEM_BYTES


def test_records_have_their_size_and_keys_of_their_own() -> None:
    rng = random.Random(1)
    bodies = [records_body("s", rng, 500, 300) for _ in range(2)]
    records = [record for body in bodies for record in json.loads(json.dumps(body))["Records"]]
    assert {len(base64.b64decode(record["Data"])) for record in records} == {300}
    assert len({record["PartitionKey"] for record in records}) == 1000


def test_a_call_is_one_whole_signed_request() -> None:
    body = items_body("t", random.Random(1), 25)
    head, _, content = signed_call(URL, BATCH_WRITE, body).partition(b"\r\n\r\n")
    assert json.loads(content) == body
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST / HTTP/1.1"
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    assert len(headers) == len(lines) - 1
    assert headers["content-length"] == str(len(content))
    assert headers["host"] == "127.0.0.1:1234"
    assert headers["x-amz-target"] == "DynamoDB_20120810.BatchWriteItem"
    signed = re.search(r"SignedHeaders=([a-z0-9;-]+)", headers["authorization"])
    assert signed is not None
    assert {"host", "x-amz-date", "x-amz-target"} <= set(signed[1].split(";"))
    assert "/us-east-1/dynamodb/aws4_request" in headers["authorization"]


def test_calls_with_other_bodies_have_other_signatures() -> None:
    rng = random.Random(1)
    calls = {signed_call(URL, PUT_RECORDS, records_body("s", rng, 1, 1)) for _ in range(3)}
    assert len({re.search(rb"Signature=(\w+)", call)[1] for call in calls}) == 3  # type: ignore[index]
