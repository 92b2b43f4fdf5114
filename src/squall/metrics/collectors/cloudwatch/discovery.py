"""What a target runs on and how that is billed, found from the names that its user gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from squall.metrics.collectors.cloudwatch.catalogue import AwsResources
from squall.metrics.collectors.cloudwatch.usage import ResourceFacts
from squall.targets.resource_names import bare_function

PAGES_MAX = 100
"""Pages of a stream's event source mappings that are read, 100 mappings each."""


class ClientFactory(Protocol):
    """Makes boto3-like clients by service name."""

    def __call__(self, service: str) -> Any:
        """A client of ``kinesis``, ``dynamodb`` or ``lambda``."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """Resources, what their bills depend on, and what could not be looked up."""

    resources: AwsResources
    facts: ResourceFacts
    problems: tuple[str, ...] = ()


def discover(clients: ClientFactory, named: AwsResources) -> Found:
    """What is ``named``, and the functions that read its streams, and where those send failures.

    Functions may be named by alias or ARN; found are their bare names. Needs
    ``kinesis:DescribeStreamSummary``, ``lambda:ListEventSourceMappings``,
    ``lambda:GetFunctionConfiguration`` and ``dynamodb:DescribeTable``; what is refused is left out
    and named in ``problems``.
    """
    search = _Search(clients)
    for function in named.functions:
        search.functions.setdefault(bare_function(function), function)
    for queue in named.queues:
        search.queues[queue] = None
    for stream in dict.fromkeys(named.streams):
        search.tried(f"stream {stream}", lambda stream=stream: search.stream(stream))
    for name, given in search.functions.items():
        search.tried(
            f"function {given}", lambda name=name, given=given: search.function(name, given)
        )
    for table in dict.fromkeys(named.tables):
        search.tried(
            f"table {table} (taken to be on demand)", lambda table=table: search.table(table)
        )
    resources = AwsResources(
        streams=tuple(search.streams),
        functions=tuple(search.functions),
        tables=tuple(dict.fromkeys(named.tables)),
        models=tuple(dict.fromkeys(named.models)),
        buckets=tuple(dict.fromkeys(named.buckets)),
        queues=tuple(search.queues),
    )
    facts = ResourceFacts(
        memory_mb=search.memory_mb,
        shards=search.shards,
        on_demand=frozenset(search.on_demand),
        arm=frozenset(search.arm),
        table_units=search.table_units,
    )
    return Found(resources, facts, tuple(search.problems))


class _Search:
    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients
        self.streams: dict[str, None] = {}
        self.functions: dict[str, str] = {}
        """By bare name: as it is asked for."""
        self.queues: dict[str, None] = {}
        self.memory_mb: dict[str, int] = {}
        self.arm: set[str] = set()
        self.shards: dict[str, float] = {}
        self.on_demand: set[str] = set()
        self.table_units: dict[str, tuple[float, float]] = {}
        self.problems: list[str] = []

    def tried(self, what: str, look: Any) -> None:
        """Look something up; a refusal is noted and the search goes on."""
        try:
            look()
        except Exception as error:  # boto3 raises what it likes
            self.problems.append(f"{what}: {error}")

    def stream(self, name: str) -> None:
        """A stream's mode and shards, and who reads it."""
        self.streams[name] = None
        answer = self._clients("kinesis").describe_stream_summary(StreamName=name)
        summary = answer["StreamDescriptionSummary"]
        if summary.get("StreamModeDetails", {}).get("StreamMode") == "ON_DEMAND":
            self.on_demand.add(name)
        else:
            self.shards[name] = int(summary["OpenShardCount"])
        for mapping in self._mappings(summary["StreamARN"]):
            function = bare_function(mapping["FunctionArn"])
            self.functions.setdefault(function, function)
            failures = mapping.get("DestinationConfig", {}).get("OnFailure", {})
            if ":sqs:" in failures.get("Destination", ""):
                self.queues[failures["Destination"].rsplit(":", 1)[-1]] = None

    def _mappings(self, stream_arn: str) -> Iterator[Mapping[str, Any]]:
        client = self._clients("lambda")
        marker: dict[str, str] = {}
        for _ in range(PAGES_MAX):
            page = client.list_event_source_mappings(EventSourceArn=stream_arn, **marker)
            yield from page["EventSourceMappings"]
            if not page.get("NextMarker"):
                return
            marker = {"Marker": page["NextMarker"]}
        self.problems.append(f"stream {stream_arn}: more than {PAGES_MAX} pages of mappings")

    def function(self, name: str, given: str) -> None:
        """A function's memory and processor; ``given`` may name an alias of it, or its ARN."""
        answer = self._clients("lambda").get_function_configuration(FunctionName=given)
        self.memory_mb[name] = int(answer["MemorySize"])
        if "arm64" in answer.get("Architectures", ()):
            self.arm.add(name)

    def table(self, name: str) -> None:
        """A table's provisioned units of reading and writing, those of its indexes included."""
        described = self._clients("dynamodb").describe_table(TableName=name)["Table"]
        if described.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST":
            return
        parts = [described, *described.get("GlobalSecondaryIndexes", ())]
        units = [part.get("ProvisionedThroughput", {}) for part in parts]
        read = sum(float(each.get("ReadCapacityUnits", 0)) for each in units)
        written = sum(float(each.get("WriteCapacityUnits", 0)) for each in units)
        if read or written:
            self.table_units[name] = (read, written)
