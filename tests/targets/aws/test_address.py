"""What a user may write after --target for AWS, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from squall.errors import TargetFileError
from squall.load_generator.target_spec import Endpoint
from squall.targets import CloudPlace
from squall.targets.aws.address import (
    DecisionFormat,
    KinesisAddress,
    LambdaAddress,
    Place,
    parse_kinesis,
    parse_lambda,
)
from squall.targets.resource_names import Watched


def test_a_name_is_enough() -> None:
    assert parse_kinesis("kinesis://transactions") == KinesisAddress("transactions")
    assert parse_lambda("lambda://decide") == LambdaAddress("decide")


def test_everything_can_be_said() -> None:
    text = (
        "kinesis://tx?decisions=kinesis://out&table=dynamodb://kept&region=eu-west-1&profile=work"
        "&agents=https://board:8443/v1/agents?own=1&endpoint_url=http://127.0.0.1:8710/&partition_key=card_id&linger_ms=10&poll_ms=500"
        "&id=event.id&decision=event.word&score=event.score&replay=again&amount=minor"
    )
    assert parse_kinesis(text) == KinesisAddress(
        stream="tx",
        place=Place("eu-west-1", "work", "http://127.0.0.1:8710"),
        decisions="out",
        table="kept",
        agents="https://board:8443/v1/agents?own=1",
        partition_key="card_id",
        linger_ms=10.0,
        poll_ms=500.0,
        format=DecisionFormat("event.id", "event.word", "event.score", "again", "minor"),
    )


@pytest.mark.parametrize("read", [parse_kinesis, parse_lambda])
def test_what_else_is_watched(read: Callable[[str], KinesisAddress | LambdaAddress]) -> None:
    scheme = "kinesis" if read is parse_kinesis else "lambda"
    watch = read(
        f"{scheme}://tx?watch=table:profiles&watch=table:dynamodb://other&watch=stream:kinesis://s"
        "&watch=model:us.amazon.nova-micro-v1:0&watch=bucket:audit/all&watch=bucket:plain"
        "&watch=queue:letters.fifo&watch=function:decide:live&watch=table:profiles"
    ).watch
    assert watch == Watched(
        streams=("s",),
        tables=("profiles", "other"),
        functions=("decide:live",),
        models=("us.amazon.nova-micro-v1:0",),
        buckets=("audit/all", "plain"),
        queues=("letters.fifo",),
    )
    place = CloudPlace.of(Endpoint("h", 1), watch, streams=("tx", None), record_stream="tx")
    assert place.streams == ("tx", "s")
    assert place.buckets == (("audit", "all"), ("plain", "EntireBucket"))
    assert place.functions == ("decide:live",)


def test_when_a_table_says_that_it_was_decided() -> None:
    address = parse_kinesis("kinesis://tx?table=kept&decided_at=written_ms")
    assert address.format == DecisionFormat(decided_at="written_ms")


@pytest.mark.parametrize(
    "name",
    ["decide:live", "decide:$LATEST", "arn:aws:lambda:eu-west-1:123456789012:function:decide:7"],
)
def test_functions_by_alias_and_arn(name: str) -> None:
    assert parse_lambda(f"lambda://{name}").function == name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kinesis://", "--target: kinesis:// needs a stream's name"),
        ("kinesis://a/b", "--target: kinesis:// needs a stream's name"),
        ("kinesis://tx?decisions=sqs://q", "decisions: must be kinesis://STREAM, not “sqs://q”"),
        ("kinesis://tx?table=x", "table: must be dynamodb://TABLE, not “x”"),
        ("kinesis://tx?poll_ms=50", "poll_ms: must be 200 to 10000 milliseconds, not “50”"),
        ("kinesis://tx?agents=http://board", "agents: must be a URL with its path, like http://"),
        ("kinesis://tx?agents=/v1/agents", "agents: must be a URL with its path, like http://"),
        ("kinesis://tx?linger_ms=soon", "linger_ms: must be 0 to 1000 milliseconds"),
        ("kinesis://tx?region=", "region: must be a region like eu-west-1, not “”"),
        ("kinesis://tx?endpoint_url=localhost", "endpoint_url: must be http(s)://host:port"),
        ("kinesis://tx?shard=1", "shard: is not an option of kinesis://tx; it has agents, amount"),
        ("kinesis://tx?region=a1&region=b2", "region: is given twice"),
        ("kinesis://tx?watch=profiles", "watch: must be one of stream:NAME, table:NAME, function:"),
        ("kinesis://tx?watch=disk:d", "watch: must be one of stream:NAME"),
        ("kinesis://tx?watch=bucket:A", "watch: must be a bucket's name, or NAME/FILTER"),
        ("kinesis://tx?watch=queue:a/b", "watch: must be a queue's name"),
        ("kinesis://tx?decided_at=at", "decided_at: is an attribute of a table: give table= too"),
        (
            "kinesis://tx?decided_at=at&table=kept&decisions=out",
            "decided_at: is not used with decisions=",
        ),
        ("kinesis://tx?id=a..b", "id: must be names with dots between them"),
        ("kinesis://tx?profile=", "profile: must be a name"),
        ("kinesis://tx?partition_key=User", "partition_key: must be a field"),
        ("kinesis://tx#x", "must not have a fragment"),
    ],
)
def test_what_is_wrong_is_said(text: str, told: str) -> None:
    with pytest.raises(TargetFileError) as raised:
        parse_kinesis(text)
    assert told in str(raised.value)


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(TargetFileError) as raised:
        parse_kinesis("kinesis://tx?poll_ms=1&linger_ms=-1&colour=red")
    assert len(raised.value.problems) == 3


@pytest.mark.parametrize("text", ["lambda://", "lambda://a b", "lambda://f?linger_ms=1"])
def test_wrong_functions(text: str) -> None:
    with pytest.raises(TargetFileError):
        parse_lambda(text)
