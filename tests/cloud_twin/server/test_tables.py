"""The kernel's tables, held to botocore's own models; routes; values led by shapes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import cbor2
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape
from botocore.serialize import QuerySerializer
from hypothesis import given
from hypothesis import strategies as st

from cloud_twin.errors import AwsError
from cloud_twin.server.resources import resources_of
from cloud_twin.server.wire import json_rpc, shapes
from cloud_twin.server.wire.query_form import nested
from cloud_twin.server.wire.rest_json import BLOB_PAYLOADS, LOWER_MESSAGE
from cloud_twin.server.wire.routes import RouteTable
from cloud_twin.service import Route


def model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def test_operations_with_a_body_of_the_callers_own() -> None:
    blobs = set()
    for service in ("lambda", "bedrock-runtime"):
        described = model(service)
        for name in described.operation_names:
            shape = described.operation_model(name).input_shape
            if shape is None or "payload" not in shape.serialization:
                continue
            if shape.members[shape.serialization["payload"]].type_name == "blob":
                blobs.add(name)
    assert blobs >= BLOB_PAYLOADS
    assert {name for name in blobs - BLOB_PAYLOADS if "Durable" not in name} == set()


@pytest.mark.parametrize(
    ("service", "key", "table"),
    [
        ("lambda", "message", LOWER_MESSAGE),
        ("dynamodb", "Message", json_rpc._CAPITAL_MESSAGE),
    ],
)
def test_how_errors_spell_their_message(service: str, key: str, table: frozenset[str]) -> None:
    errors = (shape for shape in model(service).error_shapes if isinstance(shape, StructureShape))
    assert {shape.name for shape in errors if key in shape.members} == table


ROUTES = RouteTable(
    [
        Route("GET", "/", "ListBuckets"),
        Route("GET", "/{Bucket}", "ListObjects"),
        Route("GET", "/{Bucket}", "ListObjectsV2", ("list-type=2",)),
        Route("GET", "/{Bucket}", "ListUploads", ("uploads",)),
        Route("GET", "/{Bucket}/{Key+}", "GetObject"),
        Route("GET", "/{Bucket}/{Key+}", "ListParts", ("uploadId",)),
        Route("GET", "/2015-03-31/functions/", "ListFunctions"),
        Route("GET", "/2015-03-31/functions/{FunctionName}", "GetFunction"),
    ]
)


@pytest.mark.parametrize(
    ("path", "arguments", "operation", "variables"),
    [
        ("/", {}, "ListBuckets", {}),
        ("/b", {}, "ListObjects", {"Bucket": "b"}),
        ("/b/", {}, "ListObjects", {"Bucket": "b"}),
        ("/b", {"list-type": "2"}, "ListObjectsV2", {"Bucket": "b"}),
        ("/b", {"list-type": "1"}, "ListObjects", {"Bucket": "b"}),
        ("/b", {"uploads": ""}, "ListUploads", {"Bucket": "b"}),
        ("/b/a%2Fb//c/", {}, "GetObject", {"Bucket": "b", "Key": "a/b//c/"}),
        ("/b/k", {"uploadId": "1"}, "ListParts", {"Bucket": "b", "Key": "k"}),
        ("/2015-03-31/functions", {}, "ListFunctions", {}),
        ("/2015-03-31/functions/a%3Ab", {}, "GetFunction", {"FunctionName": "a:b"}),
    ],
)
def test_routes(
    path: str, arguments: dict[str, str], operation: str, variables: dict[str, str]
) -> None:
    assert ROUTES.match("GET", path, arguments) == (operation, variables)


def test_a_method_or_path_without_a_route_matches_nothing() -> None:
    assert ROUTES.match("POST", "/b", {}) is None
    table = RouteTable([Route("GET", "/v1/{Name}", "Get")])
    assert table.match("GET", "/v1/a/b", {}) is None
    assert table.match("GET", "/v1/", {}) is None


METRIC_DATA = st.fixed_dictionaries(
    {
        "Namespace": st.text("abc/", min_size=1),
        "MetricData": st.lists(
            st.fixed_dictionaries(
                {"MetricName": st.text(st.characters(codec="utf-8"), min_size=1)},
                optional={
                    "Value": st.floats(-1e9, 1e9),
                    "Values": st.lists(st.floats(0, 1e6), min_size=1, max_size=12),
                    "StorageResolution": st.integers(1, 60),
                    "Timestamp": st.integers(0, 2_000_000_000).map(
                        lambda second: datetime.fromtimestamp(second, UTC)
                    ),
                    "Dimensions": st.lists(
                        st.fixed_dictionaries({"Name": st.text("ab"), "Value": st.text("cd &")}),
                        min_size=1,
                        max_size=3,
                    ),
                },
            ),
            min_size=1,
            max_size=12,
        ),
    }
)
PUT = model("cloudwatch").operation_model("PutMetricData")
PUT_INPUT = model("cloudwatch").shape_for("PutMetricDataInput")


@given(parameters=METRIC_DATA)
def test_what_botocore_writes_as_a_form_is_read_back(parameters: dict[str, Any]) -> None:
    serialized = QuerySerializer().serialize_to_request(parameters, PUT)
    form = dict(parse_qsl(urlencode(serialized["body"]), keep_blank_values=True))
    assert shapes.read(PUT_INPUT, nested(PUT_INPUT, form)) == parameters


@given(parameters=METRIC_DATA)
def test_values_survive_cbor(parameters: dict[str, Any]) -> None:
    written = shapes.write(PUT_INPUT, parameters)
    coded = cbor2.dumps(written, datetime_as_timestamp=True)
    assert shapes.read(PUT_INPUT, cbor2.loads(coded)) == parameters


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Namespace": ["a"]}, "Namespace must be a string"),
        ({"MetricData": {}}, "MetricData must be a list"),
        ({"MetricData": [3]}, r"MetricData\[0\] must be a structure"),
        ({"MetricData": [{"Value": "much"}]}, r"MetricData\[0\].Value must be a number"),
        ({"MetricData": [{"Value": True}]}, "must be a number"),
        ({"MetricData": [{"StorageResolution": 1.5}]}, "must be a whole number"),
        ({"MetricData": [{"StorageResolution": float("inf")}]}, "must be a whole number"),
        ({"MetricData": [{"Timestamp": "yesterday"}]}, "must be a time"),
        ({"MetricData": [{"Timestamp": 1e300}]}, "must be a time"),
        ([], "the input must be a structure"),
    ],
    ids=str,
)
def test_values_of_another_type_are_refused_with_their_place(value: Any, message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        shapes.read(PUT_INPUT, value)
    assert caught.value.code == "SerializationException"


@pytest.mark.parametrize(
    ("service", "parameters", "names"),
    [
        ("kinesis", {"StreamName": "payments"}, ("payments",)),
        ("kinesis", {"StreamARN": "arn:aws:kinesis:us-east-1:0:stream/payments"}, ("payments",)),
        ("kinesis", {"ShardIterator": "no base64!"}, ()),
        ("dynamodb", {"TableName": "decisions"}, ("decisions",)),
        ("dynamodb", {"RequestItems": {"a": [], "b": []}}, ("a", "b")),
        (
            "dynamodb",
            {"TransactItems": [{"Put": {"TableName": "a"}}, {"Update": {"TableName": "b"}}]},
            ("a", "b"),
        ),
        ("dynamodb", {"TransactItems": 3, "RequestItems": None}, ()),
        ("lambda", {"FunctionName": "arn:aws:lambda:us-east-1:0:function:f:live"}, ("f",)),
        ("lambda", {"FunctionName": "f:live"}, ("f",)),
        ("sqs", {"QueueUrl": "http://127.0.0.1:1/000000000000/dead"}, ("dead",)),
        ("s3", {"Bucket": "audit", "Key": "k"}, ("audit",)),
        ("bedrock-runtime", {"modelId": "amazon.nova-lite-v1:0"}, ("amazon.nova-lite-v1:0",)),
        ("s3", {}, ()),
    ],
    ids=str,
)
def test_the_names_of_what_a_call_touches(
    service: str, parameters: dict[str, Any], names: tuple[str, ...]
) -> None:
    assert resources_of(service, parameters) == names
