"""The calls about functions, and that they answer as botocore's model says."""

from __future__ import annotations

import base64
from typing import Any

import botocore.loaders
import pytest
from tests.cloud_twin.lambda_.fakes import QUEUE, ROLE, Bench, archive

from cloud_twin.errors import AwsError
from cloud_twin.ports import FunctionCaller
from cloud_twin.service import Protocols, Service
from cloud_twin.services.lambda_ import LambdaOptions
from cloud_twin.services.lambda_.routes import ROUTES

ONE = "def handler(e, c):\n    return 1\n"
TWO = "def handler(e, c):\n    return 2\n"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:fn"
MODEL = botocore.loaders.Loader().load_service_model("lambda", "service-2")


TOPIC = "arn:aws:sns:us-east-1:000000000000:topic"


def _variables(**variables: str) -> dict[str, Any]:
    return {"Environment": {"Variables": variables}}


def zipped(source: str) -> str:
    return base64.b64encode(archive(source)).decode()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_every_route_is_the_models(route: Any) -> None:
    http = MODEL["operations"][route.operation]["http"]
    assert route.method == http["method"]
    assert route.path.replace("+}", "}").rstrip("/") == http["requestUri"].rstrip("/")


def test_it_is_what_the_twin_asks_for(bench: Bench) -> None:
    service: Service = bench.service
    caller: FunctionCaller = bench.service
    assert (service.name, service.signing_names) == ("lambda", ("lambda",))
    assert service.protocol is Protocols.REST_JSON
    assert callable(caller.invoke)


def test_every_route_has_an_operation(bench: Bench) -> None:
    assert bench.service._operations.keys() == {route.operation for route in ROUTES}


async def test_a_new_function_is_pending_then_active(bench: Bench) -> None:
    created = await bench.create(ONE, MemorySize=512, Description="adds", Tags={"team": "risk"})
    assert (created["State"], created["Version"]) == ("Pending", "$LATEST")
    known = MODEL["shapes"]["FunctionConfiguration"]["members"]
    assert created.keys() <= known.keys()
    found = await bench.document("GetFunction", FunctionName="fn")
    configuration = found["Configuration"]
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert configuration["FunctionArn"] == ARN
    assert configuration["MemorySize"] == 512
    assert configuration["CodeSize"] == len(archive(ONE))
    assert found["Tags"] == {"team": "risk"}
    assert await bench.document("GetFunctionConfiguration", FunctionName="fn") == configuration


@pytest.mark.parametrize(
    "name",
    ["fn", ARN, "000000000000:function:fn", "function:fn", "fn:$LATEST", f"{ARN}:$LATEST"],
)
async def test_a_function_has_many_names(bench: Bench, name: str) -> None:
    await bench.create(ONE)
    assert (await bench.invoke(name=name))[0] == 1


async def test_regions_are_apart(bench: Bench) -> None:
    await bench.create(ONE)
    with pytest.raises(AwsError, match="Function not found"):
        await bench.invoke(name="arn:aws:lambda:eu-west-1:000000000000:function:fn")


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        ({"FunctionName": "a b"}, "ValidationException", "functionName"),
        ({"FunctionName": ""}, "ValidationException", "functionName"),
        ({"Runtime": "nodejs22.x"}, "InvalidParameterValueException", "Python functions only"),
        ({"Runtime": None}, "InvalidParameterValueException", "Runtime is mandatory"),
        ({"Handler": "has space"}, "ValidationException", "handler"),
        ({"Role": "worker"}, "ValidationException", "role"),
        ({"Role": None}, "ValidationException", "role"),
        ({"Timeout": 0}, "ValidationException", "greater than or equal to 1"),
        ({"Timeout": 901}, "ValidationException", "less than or equal to 900"),
        ({"Timeout": "3"}, "SerializationException", "whole number"),
        ({"MemorySize": 64}, "ValidationException", "greater than or equal to 128"),
        ({"Code": {}}, "InvalidParameterValueException", "provide a source"),
        ({"Code": {"ZipFile": "bm8gemlw"}}, "InvalidParameterValueException", "Could not unzip"),
        ({"Code": {"ZipFile": "%"}}, "SerializationException", "base64"),
        ({"Code": {"S3Bucket": "b", "S3Key": "k"}}, "InvalidParameterValueException", "S3"),
        ({"PackageType": "Image"}, "InvalidParameterValueException", "Zip"),
        ({"Layers": ["arn"]}, "InvalidParameterValueException", "Layers"),
        (_variables(AWS_REGION="x"), "InvalidParameterValueException", "AWS_REGION"),
        (_variables(BIG="x" * 4096), "InvalidParameterValueException", "4096"),
        (_variables(**{"1": "x"}), "ValidationException", "variables"),
        ({"DeadLetterConfig": {"TargetArn": TOPIC}}, "InvalidParameterValueException", "SQS"),
    ],
)
async def test_a_wrong_function_is_refused(
    bench: Bench, members: dict[str, Any], code: str, message: str
) -> None:
    settings = {
        "FunctionName": "fn",
        "Runtime": "python3.11",
        "Role": ROLE,
        "Handler": "app.handler",
        "Code": {"ZipFile": zipped(ONE)},
        **members,
    }
    with pytest.raises(AwsError, match=message) as refused:
        await bench.call("CreateFunction", **settings)
    assert refused.value.code == code
    assert (await bench.document("ListFunctions"))["Functions"] == []


async def test_a_name_is_taken_once(bench: Bench) -> None:
    await bench.create(ONE)
    with pytest.raises(AwsError, match="Function already exist: fn") as refused:
        await bench.create(ONE)
    assert (refused.value.code, refused.value.status) == ("ResourceConflictException", 409)


async def test_code_may_come_from_the_twins_s3() -> None:
    class Store:
        def read_object(self, bucket: str, key: str) -> bytes:
            if key != "code.zip":
                raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
            return archive(TWO)

    bench = Bench(LambdaOptions(code_store=Store()))
    try:
        where: dict[str, Any] = {"S3Bucket": "deploy", "S3Key": "code.zip"}
        await bench.create(ONE)
        await bench.call("UpdateFunctionCode", FunctionName="fn", **where)
        assert (await bench.invoke())[0] == 2
        with pytest.raises(AwsError, match="NoSuchKey"):
            await bench.call("UpdateFunctionCode", FunctionName="fn", S3Bucket="d", S3Key="no")
    finally:
        await bench.service.close()


async def test_settings_change_and_the_rest_stays(bench: Bench) -> None:
    await bench.create(ONE, MemorySize=256, Environment={"Variables": {"AB": "1"}})
    updated = await bench.document("UpdateFunctionConfiguration", FunctionName="fn", Timeout=9)
    assert updated["LastUpdateStatus"] == "InProgress"
    found = await bench.document("GetFunctionConfiguration", FunctionName="fn")
    assert (found["Timeout"], found["MemorySize"]) == (9, 256)
    assert found["Environment"] == {"Variables": {"AB": "1"}}
    assert found["LastUpdateStatus"] == "Successful"
    with pytest.raises(AwsError) as refused:
        await bench.call(
            "UpdateFunctionConfiguration", FunctionName="fn", Timeout=3, RevisionId="old"
        )
    assert (refused.value.code, refused.value.status) == ("PreconditionFailedException", 412)


async def test_versions_and_aliases_stay_as_they_were(bench: Bench) -> None:
    await bench.create(ONE)
    first = await bench.document("PublishVersion", FunctionName="fn")
    assert (first["Version"], first["FunctionArn"]) == ("1", f"{ARN}:1")
    again = await bench.document("PublishVersion", FunctionName="fn")
    assert again["Version"] == "1", "nothing has changed since"
    await bench.call("CreateAlias", FunctionName="fn", Name="live", FunctionVersion="1")
    await bench.call("UpdateFunctionCode", FunctionName="fn", ZipFile=zipped(TWO), Publish=True)
    answers = {q: (await bench.invoke(name=f"fn:{q}"))[0] for q in ("live", "1", "2", "$LATEST")}
    assert answers == {"live": 1, "1": 1, "2": 2, "$LATEST": 2}
    await bench.call("UpdateAlias", FunctionName="fn", Name="live", FunctionVersion="2")
    payload, _, answer = await bench.invoke(name="fn:live")
    assert (payload, answer.headers["X-Amz-Executed-Version"]) == (2, "2")
    versions = await bench.document("ListVersionsByFunction", FunctionName="fn")
    assert [v["Version"] for v in versions["Versions"]] == ["$LATEST", "1", "2"]
    with pytest.raises(AwsError, match="alias refers to it"):
        await bench.call("DeleteFunction", FunctionName="fn", Qualifier="2")
    await bench.call("DeleteAlias", FunctionName="fn", Name="live")
    await bench.call("DeleteFunction", FunctionName="fn", Qualifier="2")
    with pytest.raises(AwsError, match="Function not found"):
        await bench.invoke(name="fn:2")
    assert (await bench.invoke(name="fn:1"))[0] == 1


async def test_functions_are_listed_in_pages(bench: Bench) -> None:
    for name in ("c", "a", "b"):
        await bench.create(ONE, name)
    first = await bench.document("ListFunctions", MaxItems="2")
    rest = await bench.document("ListFunctions", Marker=first["NextMarker"])
    names = [f["FunctionName"] for f in first["Functions"] + rest["Functions"]]
    assert names == ["a", "b", "c"]
    with pytest.raises(AwsError, match="Marker"):
        await bench.call("ListFunctions", Marker="x")


async def test_concurrency_is_reserved_and_released(bench: Bench) -> None:
    await bench.create(ONE)
    assert await bench.document("GetFunctionConcurrency", FunctionName="fn") == {}
    await bench.call("PutFunctionConcurrency", FunctionName="fn", ReservedConcurrentExecutions=7)
    found = await bench.document("GetFunction", FunctionName="fn")
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 7}
    settings = await bench.document("GetAccountSettings")
    assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 993
    assert settings["AccountUsage"]["FunctionCount"] == 1
    await bench.call("DeleteFunctionConcurrency", FunctionName="fn")
    assert await bench.document("GetFunctionConcurrency", FunctionName="fn") == {}


async def test_asynchronous_settings_are_put_updated_and_deleted(bench: Bench) -> None:
    await bench.create(ONE)
    with pytest.raises(AwsError, match="doesn't have an EventInvokeConfig"):
        await bench.call("GetFunctionEventInvokeConfig", FunctionName="fn")
    await bench.call("PutFunctionEventInvokeConfig", FunctionName="fn", MaximumRetryAttempts=1)
    await bench.call(
        "UpdateFunctionEventInvokeConfig",
        FunctionName="fn",
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    found = await bench.document("GetFunctionEventInvokeConfig", FunctionName="fn")
    assert found["MaximumRetryAttempts"] == 1
    assert found["DestinationConfig"]["OnFailure"] == {"Destination": QUEUE}
    listed = await bench.document("ListFunctionEventInvokeConfigs", FunctionName="fn")
    assert listed["FunctionEventInvokeConfigs"] == [found]
    await bench.call("DeleteFunctionEventInvokeConfig", FunctionName="fn")
    with pytest.raises(AwsError, match="doesn't have an EventInvokeConfig"):
        await bench.call("GetFunctionEventInvokeConfig", FunctionName="fn")
    with pytest.raises(AwsError, match="less than or equal to 2"):
        await bench.call("PutFunctionEventInvokeConfig", FunctionName="fn", MaximumRetryAttempts=3)


async def test_tags_come_and_go(bench: Bench) -> None:
    await bench.create(ONE)
    await bench.call("TagResource", Resource=ARN, Tags={"a": "1", "b": "2"})
    await bench.call("UntagResource", Resource=ARN, tagKeys="a")
    assert await bench.document("ListTags", Resource=ARN) == {"Tags": {"b": "2"}}


async def test_a_reset_forgets_everything(bench: Bench) -> None:
    await bench.create(ONE)
    await bench.map()
    await bench.invoke()
    await bench.service.reset()
    assert (await bench.document("ListFunctions"))["Functions"] == []
    assert (await bench.document("ListEventSourceMappings"))["EventSourceMappings"] == []
    await bench.create(TWO)
    assert (await bench.invoke())[0] == 2


async def test_an_unknown_operation_is_refused(bench: Bench) -> None:
    with pytest.raises(AwsError):
        await bench.call("PublishLayerVersion")
