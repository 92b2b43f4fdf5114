"""A record that kills whatever reads it: isolated, laid aside, put in again, decided."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from tests.end_to_end.conftest import MakeRig
from tests.end_to_end.stream_rig import StreamRig, decided_once, wait_for

from fraud_platform.stream.function_code import code_archive
from fraud_platform.stream.resources import HANDLER

RATE_TPS = 60.0
LOAD_S = 8.0
RETRIES = 1
POISON = 150
"""Number of the transaction, in squall's run, that the bad release dies on."""
BAD_RELEASE = f"""
import os, signal
from base64 import b64decode
from fraud_platform.stream.function import handler as good

def handler(event, context):
    for record in event.get("Records", ()) if isinstance(event, dict) else ():
        if b'-{POISON:012d}"' in b64decode(record["kinesis"]["data"]):
            os.kill(os.getpid(), signal.SIGKILL)
    return good(event, context)
"""


def test_a_poison_record_is_laid_aside_and_decided_after_a_redrive(make_rig: MakeRig) -> None:
    rig = make_rig("--shards=1", "--decision-shards=1", "--no-scaling", "--batch-records=4")
    release(rig, "bad_release.handler", bad_archive())
    try_again(rig, RETRIES)
    load = rig.load_stream(RATE_TPS, LOAD_S)
    (letter,) = wait_for("the dead letter", rig.given_up, 90)
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert letter["requestContext"]["approximateInvokeCount"] >= 2
    assert letter["KinesisBatchInfo"]["batchSize"] == 1  # bisected: nothing else is laid aside
    assert letter["KinesisBatchInfo"]["streamArn"].endswith(rig.platform.names.transactions)
    assert letter in rig.platform.command("dead-letters", "list")["messages"]
    release(rig, HANDLER, code_archive())
    redriven = rig.platform.command("dead-letters", "redrive")
    assert (redriven["batches"], redriven["records"], redriven["problems"]) == (1, 1, [])
    result = load.result()
    decided_once(result)
    assert result["accounting"]["accepted"] == RATE_TPS * LOAD_S
    assert rig.given_up() == []
    assert rig.audit()["transactions"] == result["accounting"]["seen"]


def bad_archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("bad_release.py", BAD_RELEASE)
    return content.getvalue()


def release(rig: StreamRig, handler: str, archive: bytes) -> None:
    """Deploy other code, as an operator does."""
    client: Any = rig.platform.session.client("lambda")
    name = rig.platform.names.function
    client.update_function_code(FunctionName=name, ZipFile=archive)
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
    client.update_function_configuration(FunctionName=name, Handler=handler)
    client.get_waiter("function_updated_v2").wait(FunctionName=name)


def try_again(rig: StreamRig, times: int) -> None:
    """Fewer retries than in production: their waits add up to minutes."""
    client: Any = rig.platform.session.client("lambda")
    listed = client.list_event_source_mappings(FunctionName=rig.platform.names.function)
    (mapping,) = listed["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], MaximumRetryAttempts=times)
