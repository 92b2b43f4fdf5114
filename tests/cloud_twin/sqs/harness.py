"""A queue service without a server: a clock held still, and what it emitted."""

from __future__ import annotations

import inspect
import random
from collections import defaultdict
from typing import Any

import orjson

from cloud_twin.clock import ManualClock
from cloud_twin.meter import Meter
from cloud_twin.service import Call, Dimensions, PartialFailure, Surroundings
from cloud_twin.services.sqs import Sqs

URL = "http://twin:4566/000000000000/q"
ARN = "arn:aws:sqs:us-east-1:000000000000:q"


class RecordedMetrics:
    """A metric sink that keeps sums and the latest value by name and queue."""

    def __init__(self) -> None:
        self.sums: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.latest: dict[tuple[str, str], float] = {}

    def put(
        self, namespace: str, name: str, dimensions: Dimensions, value: float, unit: str = "Count"
    ) -> None:
        self.put_counts(namespace, name, dimensions, value, 1, unit)

    def put_counts(
        self,
        namespace: str,
        name: str,
        dimensions: Dimensions,
        value: float,
        count: float,
        unit: str = "Count",
    ) -> None:
        assert namespace == "AWS/SQS"
        queue = dict(dimensions)["QueueName"]
        self.sums[name, queue] += value * count
        self.latest[name, queue] = value


class Harness:
    """Calls the service as the server does; long polls are left to ``start``."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.meter = Meter()
        self.metrics = RecordedMetrics()
        self.sqs = Sqs(Surroundings(self.clock, self.meter, self.metrics, random.Random(1)))

    def start(self, operation: str, /, **given: Any) -> Any:
        """The answer's members, or an awaitable answer."""
        return self._call(operation, None, given)

    def call(self, operation: str, /, **given: Any) -> Any:
        """The answer's members; it must be there at once."""
        return self.faulted(None, operation, **given)

    def faulted(self, partial: PartialFailure | None, operation: str, /, **given: Any) -> Any:
        """A call whose entries fail as a fault plan says."""
        answer = self._call(operation, partial, given)
        assert not inspect.isawaitable(answer)
        return orjson.loads(orjson.dumps(dict(answer.body)))

    def _call(self, operation: str, partial: PartialFailure | None, given: Any) -> Any:
        parameters = orjson.loads(orjson.dumps(given))
        headers = {"host": "twin:4566"}
        return self.sqs.handle(Call("sqs", operation, parameters, headers=headers, partial=partial))

    def queue(self, name: str = "q", **attributes: str) -> str:
        """Make a queue; its URL."""
        answer = self.call("CreateQueue", QueueName=name, Attributes=attributes)
        return str(answer["QueueUrl"])

    def send(self, body: str, url: str = URL, **more: Any) -> Any:
        return self.call("SendMessage", QueueUrl=url, MessageBody=body, **more)

    def receive(self, most: int = 10, url: str = URL, **more: Any) -> list[Any]:
        answer = self.call("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=most, **more)
        return list(answer.get("Messages", []))

    def delete(self, message: Any, url: str = URL) -> None:
        self.call("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def counts(self, url: str = URL) -> tuple[int, int, int]:
        """Visible, in flight, delayed."""
        found = self.call("GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return (
            int(found["ApproximateNumberOfMessages"]),
            int(found["ApproximateNumberOfMessagesNotVisible"]),
            int(found["ApproximateNumberOfMessagesDelayed"]),
        )

    def requests(self, name: str = "q") -> float:
        return sum(
            quantity
            for key, quantity in self.meter.read().items()
            if (key.service, key.unit, key.resource) == ("sqs", "requests", name)
        )
