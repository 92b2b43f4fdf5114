from __future__ import annotations

import argparse
import io
import subprocess
import sys
import zipfile

import pytest

from fraud_platform.agents.compliance import BlockList
from fraud_platform.errors import UsageError
from fraud_platform.stream.arguments import add_stream_arguments
from fraud_platform.stream.commands import batch_records
from fraud_platform.stream.decision import BUCKETS, run_bucket
from fraud_platform.stream.function_code import code_archive
from fraud_platform.stream.function_settings import (
    RETENTION_DAYS,
    block_list_bytes,
    block_list_from,
    settings_from,
)
from fraud_platform.stream.names import make_names, names_from
from fraud_platform.stream.resources import SECOND_LOOK_BATCH_RECORDS, Sizes


def test_names_carry_the_prefix_everywhere() -> None:
    names = make_names("blue-", None)
    assert names == names_from(names.environment())
    assert [names.transactions, names.decisions, names.decision_table, names.function] == [
        "blue-transactions", "blue-decisions", "blue-decisions", "blue-decide",
    ]  # fmt: skip
    assert make_names("", "some-bucket").bucket == "some-bucket"
    assert make_names("", None).transactions == "transactions"


@pytest.mark.parametrize("prefix", ["Blue", "blau_", "-a", "a" * 32, "ä"])
def test_names_that_aws_would_not_take_are_told(prefix: str) -> None:
    with pytest.raises(UsageError, match="--prefix"):
        make_names(prefix, None)
    with pytest.raises(UsageError, match="--bucket"):
        make_names("", prefix.upper())


def test_function_settings() -> None:
    settings = settings_from(
        {
            "FRAUD_MODEL_KEY": "models/m.json", "FRAUD_PREFIX": "x-",
            "FRAUD_AGENT_DEADLINE_MS": "80", "FRAUD_DISTURB": "compliance:fail",
            "FRAUD_REASONING_MODEL": "",
        }
    )  # fmt: skip
    assert (settings.agent_deadline_s, settings.second_look_s) == (0.08, 0.5)
    assert settings.disturbances[0].agent == "compliance"
    assert settings.reasoning_model is None
    assert settings.names.function == "x-decide"
    assert settings.retention_s == RETENTION_DAYS * 86_400


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"FRAUD_MODEL_KEY": ""}, "FRAUD_MODEL_KEY is not set"),
        ({"FRAUD_AGENT_DEADLINE_MS": "soon"}, "FRAUD_AGENT_DEADLINE_MS=soon"),
        ({"FRAUD_AGENT_DEADLINE_MS": "0"}, "1 to 900000"),
        ({"FRAUD_DISTURB": "nobody:fail"}, "nobody"),
        ({"FRAUD_RETENTION_DAYS": "-1"}, "FRAUD_RETENTION_DAYS=-1"),
        ({"FRAUD_RETENTION_DAYS": "40000"}, "0 \\(for ever\\) to 36500"),
    ],
)
def test_bad_function_settings_are_told(changes: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings_from({"FRAUD_MODEL_KEY": "m", **changes})


def test_a_block_list_survives_the_bucket() -> None:
    blocked = BlockList(frozenset({"u-1", "m-2"}), frozenset({"XX"}))
    assert block_list_from(block_list_bytes(blocked)) == blocked
    with pytest.raises(UsageError, match="block list"):
        block_list_from(b"[]")


def test_the_archive_holds_the_handler_and_is_repeatable() -> None:
    archive = code_archive()
    assert archive == code_archive()
    names = zipfile.ZipFile(io.BytesIO(archive)).namelist()
    assert "fraud_platform/stream/function.py" in names
    assert not any(name.endswith(".pyc") for name in names)


def test_a_run_is_spread_over_its_buckets() -> None:
    found = {run_bucket(f"run-{n:012d}") for n in range(1_000)}
    assert found == {f"run#{bucket:02d}" for bucket in range(BUCKETS)}


@pytest.mark.parametrize(
    ("options", "records"),
    [
        ([], Sizes().batch_records),
        (["--reasoning-model=m"], SECOND_LOOK_BATCH_RECORDS),
        (["--external-url=http://127.0.0.1:1"], SECOND_LOOK_BATCH_RECORDS),
        (["--reasoning-model=m", "--batch-records=7"], 7),
    ],
)
def test_batches_that_wait_for_second_looks_are_larger(options: list[str], records: int) -> None:
    parser = argparse.ArgumentParser()
    add_stream_arguments(parser)
    assert batch_records(parser.parse_args(options)) == records


def test_inline_mode_does_not_load_aws_libraries() -> None:
    code = (
        "import sys, fraud_platform.main, fraud_platform.serving;"
        "sys.exit(any(name.split('.')[0] in ('boto3', 'botocore') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--endpoint-url=nowhere"], "must begin with http"),
        (["--prefix=ABC"], "--prefix ABC"),
        (["--wait=99"], "--wait 99"),
        (["--shards=99"], "--shards 99"),
        (["--processes=2"], "one process"),
        (["--batch-records=0"], "--batch-records 0"),
    ],
)
def test_bad_options_are_one_message(tmp_path: object, options: list[str], message: str) -> None:
    command = [sys.executable, "-m", "fraud_platform", "serve", "--mode=stream", "--port=0"]
    command += [f"--data-dir={tmp_path}", "--region=us-east-1", *options]
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    told = done.stderr.decode()
    assert done.returncode == 2
    assert message in told
    assert "Traceback" not in told


def test_a_twin_that_is_not_there_is_one_message() -> None:
    command = [sys.executable, "-m", "fraud_platform", "resources", "create"]
    command += ["--endpoint-url=http://127.0.0.1:9", "--region=us-east-1"]
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert done.returncode == 2
    assert "127.0.0.1:9" in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
