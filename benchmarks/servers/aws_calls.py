"""AWS calls as the bytes that go over the wire, made and signed once, before they are measured."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Mapping
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY = "benchmark"
REGION = "us-east-1"

PUT_RECORDS = ("kinesis", "Kinesis_20131202.PutRecords", "application/x-amz-json-1.1")
BATCH_WRITE = ("dynamodb", "DynamoDB_20120810.BatchWriteItem", "application/x-amz-json-1.0")

ITEM_KEY = "transaction_id"
ITEM_BYTES = 300
"""Of one item by DynamoDB's rule: names and texts in UTF-8, numbers at half a byte per digit."""


def signed_call(url: str, kind: tuple[str, str, str], body: Mapping[str, object]) -> bytes:
    """One POST with its signature. ``kind``: service, ``X-Amz-Target``, content type."""
    service, target, content_type = kind
    content = json.dumps(body).encode()
    headers = {
        "Host": urlsplit(url).netloc,
        "Content-Type": content_type,
        "X-Amz-Target": target,
        "Content-Length": str(len(content)),
    }
    request = AWSRequest("POST", f"{url}/", headers=headers, data=content)
    SigV4Auth(Credentials(KEY, KEY), service, REGION).add_auth(request)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join(["POST / HTTP/1.1", *lines, "", ""]).encode() + content


def records_body(stream: str, rng: random.Random, count: int, data_bytes: int) -> dict[str, object]:
    """PutRecords of ``count`` records, each with a partition key that no other has."""
    return {
        "StreamName": stream,
        "Records": [
            {
                "Data": base64.b64encode(rng.randbytes(data_bytes)).decode(),
                "PartitionKey": f"{rng.getrandbits(128):032x}",
            }
            for _ in range(count)
        ],
    }


def items_body(table: str, rng: random.Random, count: int) -> dict[str, object]:
    """BatchWriteItem of ``count`` new items."""
    requests = [{"PutRequest": {"Item": item(rng)}} for _ in range(count)]
    return {"RequestItems": {table: requests}}


def item(rng: random.Random) -> dict[str, dict[str, str]]:
    """A decision as a platform would keep it, ``ITEM_BYTES`` in size."""
    texts = {
        ITEM_KEY: f"{rng.getrandbits(128):032x}",
        "user_id": f"user-{rng.randrange(10**6):06d}",
        "merchant_id": f"merchant-{rng.randrange(10**5):05d}",
        "outcome": rng.choice(("approve", "review ", "decline")),
    }
    numbers = {
        "amount_cents": str(rng.randrange(100_001, 999_999, 2)),
        "score": str(rng.randrange(1001, 9999, 2)),
    }
    used = sum(len(name) + len(text) for name, text in texts.items())
    # A number takes one byte and half a byte for each of its digits, here an even number of them.
    used += sum(len(name) + len(digits) // 2 + 1 for name, digits in numbers.items())
    texts["reasons"] = "x" * (ITEM_BYTES - used - len("reasons"))
    return {
        **{name: {"S": text} for name, text in texts.items()},
        **{name: {"N": digits} for name, digits in numbers.items()},
    }
