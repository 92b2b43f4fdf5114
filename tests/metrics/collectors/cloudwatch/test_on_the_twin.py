"""Discovery and collector on a running twin: the figures are what was done."""

from __future__ import annotations

import time

import pytest
from tests.cloud_twin.conftest import RunningTwin
from tests.metrics.collectors.cloudwatch.twin_estate import (
    FUNCTION,
    MEMORY_MB,
    QUEUE,
    SHARDS,
    STREAM,
    TABLE,
    clients_of,
    function_code,
    use_estate,
)

from squall.metrics.collectors.cloudwatch import AwsResources, CloudWatchCollector
from squall.metrics.collectors.cloudwatch.catalogue import queries_for
from squall.metrics.collectors.cloudwatch.discovery import discover
from squall.metrics.collectors.cloudwatch.usage import ResourceFacts, usage_from_metrics
from squall.models.services import ServiceFigures
from squall.targets.resource_names import WHOLE_BUCKET

MODEL = "amazon.nova-micro-v1:0"
NAMED = AwsResources(streams=(STREAM, STREAM), tables=(TABLE,))
DENIED = {"code": "AccessDeniedException", "status": 400, "message": "not authorized"}


async def figures_of(twin: RunningTwin, resources: AwsResources) -> ServiceFigures:
    notes: list[str] = []
    collector = CloudWatchCollector(
        twin.client("cloudwatch"), resources, time.time() - 60, notes.append
    )
    await collector.collect(time.time())
    assert notes == []
    return collector.figures()


def test_all_is_found_from_the_name_of_the_stream(twin: RunningTwin) -> None:
    found = discover(clients_of(twin), NAMED)
    assert found.problems == ()
    assert found.resources == AwsResources(
        streams=(STREAM,), functions=(FUNCTION,), tables=(TABLE,), queues=(QUEUE,)
    )
    assert found.facts == ResourceFacts({FUNCTION: MEMORY_MB}, {STREAM: SHARDS})


@pytest.mark.parametrize(
    "name",
    [
        FUNCTION,
        f"{FUNCTION}:live",
        f"arn:aws:lambda:us-east-1:000000000000:function:{FUNCTION}:live",
    ],
)
async def test_a_function_is_watched_by_its_bare_name(twin: RunningTwin, name: str) -> None:
    functions = twin.client("lambda")
    functions.update_function_configuration(FunctionName=FUNCTION, MemorySize=512)
    functions.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION)
    version = functions.publish_version(FunctionName=FUNCTION)["Version"]
    functions.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion=version)
    for _ in range(3):
        functions.invoke(FunctionName=name, Payload=b"{}")
    found = discover(clients_of(twin), AwsResources(functions=(name,)))
    assert found.problems == ()
    assert found.resources.functions == (FUNCTION,)
    assert found.facts.memory_mb == {FUNCTION: 512}
    figures = await figures_of(twin, found.resources)
    assert figures.functions.invocations == 3


def test_a_provisioned_table_and_an_arm_function_are_told_apart(twin: RunningTwin) -> None:
    dynamodb, functions = twin.client("dynamodb"), twin.client("lambda")
    dynamodb.create_table(
        TableName="hired",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 20},
    )
    functions.update_function_code(
        FunctionName=FUNCTION, ZipFile=function_code(), Architectures=["arm64"]
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION)
    named = AwsResources(tables=("hired", TABLE), functions=(FUNCTION,))
    facts = discover(clients_of(twin), named).facts
    assert facts.table_units == {"hired": (5, 20)}
    assert facts.arm == {FUNCTION}


async def test_models_and_buckets_that_are_named_have_figures(twin: RunningTwin) -> None:
    s3, bedrock = twin.client("s3"), twin.client("bedrock-runtime")
    s3.create_bucket(Bucket="audit")
    for number in range(4):
        s3.put_object(Bucket="audit", Key=str(number), Body=b"x")
    twin.control("PATCH", "limits", {"bedrock-runtime": {"requests_per_minute": 2}})
    throttled = 0
    for _ in range(4):
        try:
            bedrock.converse(
                modelId=MODEL, messages=[{"role": "user", "content": [{"text": "Is it fraud?"}]}]
            )
        except bedrock.exceptions.ThrottlingException:
            throttled += 1
    assert throttled > 0
    named = AwsResources(models=(MODEL,), buckets=(("audit", WHOLE_BUCKET),))
    found = discover(clients_of(twin), named)
    assert found.resources == named
    figures = await figures_of(twin, named)
    assert figures.s3.puts == 4
    assert figures.bedrock.invocations == 4 - throttled
    assert figures.bedrock.throttled_share == throttled / 4
    assert (figures.bedrock.output_tokens or 0) > 0


async def test_figures_are_what_was_done(twin: RunningTwin) -> None:
    done = use_estate(twin)
    assert done.refused > 0
    resources = discover(clients_of(twin), NAMED).resources
    figures = await figures_of(twin, resources)
    kinesis, functions, dynamodb = figures.kinesis, figures.functions, figures.dynamodb
    assert kinesis.records_in == done.records
    assert kinesis.bytes_in == done.record_bytes
    assert kinesis.write_throttled_share == pytest.approx(
        done.refused / (done.records + done.refused)
    )
    assert (functions.invocations, functions.errors) == (done.invocations, done.errors)
    assert functions.error_share == pytest.approx(done.errors / done.invocations)
    assert functions.concurrency_max == 1
    assert 0 < (functions.duration_ms_mean or 0) <= (functions.duration_ms_max or 0)
    assert dynamodb.requests == done.puts + done.gets
    assert dynamodb.conditional_failures == done.conditional_failures
    assert dynamodb.write_units == done.puts + done.conditional_failures  # a refusal is billed too
    assert dynamodb.read_units == done.gets * 0.5  # eventually consistent
    assert figures.sqs.sent == done.letters
    assert figures.queries == len(queries_for(resources))


async def test_what_nothing_was_done_with_has_no_figures(twin: RunningTwin) -> None:
    figures = await figures_of(twin, AwsResources(streams=("nowhere",), functions=("nothing",)))
    assert figures.kinesis.records_in is None
    assert figures.functions.error_share is None


def test_unknown_names_are_told_and_the_rest_is_found(twin: RunningTwin) -> None:
    found = discover(
        clients_of(twin), AwsResources(streams=("nowhere", STREAM), functions=("nothing",))
    )
    assert found.resources.streams == ("nowhere", STREAM)
    assert set(found.resources.functions) == {"nothing", FUNCTION}
    assert found.facts.memory_mb == {FUNCTION: MEMORY_MB}
    stream, function = found.problems
    assert stream.startswith("stream nowhere: ")
    assert "ResourceNotFoundException" in stream
    assert function.startswith("function nothing: ")
    assert "ResourceNotFoundException" in function


@pytest.mark.parametrize(
    ("service", "operation", "told", "functions"),
    [
        ("dynamodb", "DescribeTable", f"table {TABLE} (taken to be on demand): ", (FUNCTION,)),
        ("kinesis", "DescribeStreamSummary", f"stream {STREAM}: ", ()),
        ("lambda", "ListEventSourceMappings", f"stream {STREAM}: ", ()),
        ("lambda", "GetFunctionConfiguration", f"function {FUNCTION}: ", (FUNCTION,)),
    ],
)
def test_what_is_not_permitted_is_told_and_left_out(
    twin: RunningTwin, service: str, operation: str, told: str, functions: tuple[str, ...]
) -> None:
    twin.fault(service=service, operation=operation, when="before", error=DENIED)
    found = discover(clients_of(twin), NAMED)
    (problem,) = found.problems
    assert problem.startswith(told)
    assert "AccessDeniedException" in problem
    assert found.resources.streams == (STREAM,)
    assert found.resources.tables == (TABLE,)
    assert found.resources.functions == functions


async def test_metrics_that_may_not_be_read_are_told_once(twin: RunningTwin) -> None:
    use_estate(twin)
    fault = twin.fault(service="cloudwatch", when="before", error=DENIED)
    notes: list[str] = []
    resources = AwsResources(streams=(STREAM,))
    collector = CloudWatchCollector(
        twin.client("cloudwatch"), resources, time.time() - 60, notes.append
    )
    await collector.collect(time.time())
    await collector.collect(time.time())
    (note,) = notes
    assert note.startswith("CloudWatch could not be read: ")
    assert "AccessDeniedException" in note
    assert collector.figures().kinesis.records_in is None
    twin.control("DELETE", f"faults/{fault}")
    await collector.collect(time.time())
    assert (collector.figures().kinesis.records_in or 0) > 0


async def test_the_bill_from_metrics_has_the_meters_quantities(twin: RunningTwin) -> None:
    use_estate(twin)
    found = discover(clients_of(twin), NAMED)
    collector = CloudWatchCollector(
        twin.client("cloudwatch"), found.resources, time.time() - 60, lambda _: None
    )
    await collector.collect(time.time())
    usage = {
        (entry.service, entry.unit): entry.quantity
        for entry in usage_from_metrics(
            found.resources, found.facts, collector.totals(), 0.5, collector.asked
        )
    }
    metered: dict[tuple[str, str], float] = {}
    for entry in twin.control("GET", "meter")["usage"]:
        key = (entry["service"], entry["unit"])
        metered[key] = metered.get(key, 0.0) + entry["quantity"]
    for key in (
        ("kinesis", "put_payload_units"),
        ("lambda", "requests"),
        ("dynamodb", "write_request_units"),
        ("dynamodb", "read_request_units"),
    ):
        assert usage[key] == pytest.approx(metered[key]), key
    assert usage["kinesis", "shard_hours"] == SHARDS * 0.5
    # Billed time is in whole milliseconds and has the start in it: more than the duration.
    assert 0 < usage["lambda", "gb_seconds"] <= metered["lambda", "gb_seconds"]
    assert usage["cloudwatch", "metrics_requested"] == len(queries_for(found.resources))
