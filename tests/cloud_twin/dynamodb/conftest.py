"""A database without a server, and boto3 clients of the twin and of moto."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import orjson
import pytest
from moto import mock_aws

from cloud_twin.clock import ManualClock
from cloud_twin.errors import AwsError
from cloud_twin.meter import Meter
from cloud_twin.service import Call, Dimensions, PartialFailure, Surroundings
from cloud_twin.services.dynamodb import DynamoDb


@dataclass
class Recorded:
    """Metrics as they were emitted."""

    values: list[tuple[str, Dimensions, float, str]] = field(default_factory=list)

    def put(
        self, namespace: str, name: str, dimensions: Dimensions, value: float, unit: str = "Count"
    ) -> None:
        assert namespace == "AWS/DynamoDB"
        self.values.append((name, dimensions, value, unit))

    def put_counts(
        self,
        namespace: str,
        name: str,
        dimensions: Dimensions,
        value: float,
        count: float,
        unit: str = "Count",
    ) -> None:
        for _ in range(int(count)):
            self.put(namespace, name, dimensions, value, unit)

    def sum(self, name: str, **dimensions: str) -> float:
        wanted = tuple(dimensions.items())
        return sum(value for n, d, value, _ in self.values if n == name and d == wanted)


class Harness:
    """A DynamoDb with a clock that stands still."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.meter = Meter()
        self.metrics = Recorded()
        self.service = DynamoDb(
            Surroundings(self.clock, self.meter, self.metrics, random.Random(1))
        )

    def call(self, operation: str, **members: Any) -> Any:
        """One call; members go through JSON, as on the wire."""
        return self.call_under(None, operation, **members)

    def call_under(self, partial: PartialFailure | None, operation: str, **members: Any) -> Any:
        """A call that a fault plan fails in part."""
        parameters = orjson.loads(orjson.dumps(members))
        answer = self.service.handle(Call("dynamodb", operation, parameters, partial=partial))
        assert isinstance(answer.body, bytes)
        return orjson.loads(answer.body)

    def attempt(self, operation: str, **members: Any) -> AwsError | None:
        """The error of a call that may fail."""
        try:
            self.call(operation, **members)
        except AwsError as error:
            return error
        return None

    def refused(self, operation: str, **members: Any) -> AwsError:
        """The error of a call that must fail."""
        with pytest.raises(AwsError) as caught:
            self.call(operation, **members)
        return caught.value

    def table(
        self, name: str = "table", hash: str = "S", range: str | None = None, **members: Any
    ) -> str:
        """Make a table with keys ``h`` and ``r``; on demand unless told otherwise."""
        kinds = {"h": hash} | ({"r": range} if range else {})
        kinds |= members.pop("kinds", {})
        if "ProvisionedThroughput" not in members:
            members["BillingMode"] = "PAY_PER_REQUEST"
        schema = [{"AttributeName": "h", "KeyType": "HASH"}]
        if range:
            schema.append({"AttributeName": "r", "KeyType": "RANGE"})
        self.call(
            "CreateTable",
            TableName=name,
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": kind} for key, kind in kinds.items()
            ],
            KeySchema=schema,
            **members,
        )
        return name

    def provisioned(self, read: int = 5, write: int = 5, **members: Any) -> str:
        """Make a table with provisioned throughput."""
        units = {"ReadCapacityUnits": read, "WriteCapacityUnits": write}
        return self.table(ProvisionedThroughput=units, **members)

    def put(self, item: dict[str, Any], table: str = "table", **members: Any) -> Any:
        return self.call("PutItem", TableName=table, Item=item, **members)

    def get(self, key: dict[str, Any], table: str = "table", **members: Any) -> Any:
        return self.call("GetItem", TableName=table, Key=key, **members)

    def work(self) -> int:
        """Do all background work that is due; how many steps it took."""
        steps = 0
        while self.service.step():
            steps += 1
        return steps


@pytest.fixture
def database() -> Harness:
    return Harness()


@pytest.fixture
def client(twin: Any) -> Any:
    """boto3 on the running twin."""
    return twin.client("dynamodb")


@pytest.fixture(params=["twin", "moto"])
def either(request: pytest.FixtureRequest) -> Iterator[Any]:
    """boto3 on the twin and, for the same test, on moto."""
    if request.param == "twin":
        yield request.getfixturevalue("client")
        return
    with mock_aws():
        yield boto3.client(
            "dynamodb",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@pytest.fixture
def resource(twin: Any) -> Any:
    """The boto3 resource on the running twin."""
    return boto3.resource(
        "dynamodb",
        endpoint_url=twin.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
