"""What a stream's target runs on, found from the stream's name alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from squall.metrics.collectors.cloudwatch.catalogue import AwsResources
from squall.metrics.collectors.cloudwatch.usage import ResourceFacts


class ClientFactory(Protocol):
    """Makes boto3-like clients by service name."""

    def __call__(self, service: str) -> Any:
        """A client of ``kinesis`` or ``lambda``."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """Resources, what their bills depend on, and what could not be looked up."""

    resources: AwsResources
    facts: ResourceFacts
    problems: tuple[str, ...] = ()


def discover(
    clients: ClientFactory,
    streams: Iterable[str],
    tables: Iterable[str] = (),
    functions: Iterable[str] = (),
) -> Found:
    """Streams with their mode, the functions that read them, and where those send failures.

    Needs ``kinesis:DescribeStreamSummary``, ``lambda:ListEventSourceMappings`` and
    ``lambda:GetFunctionConfiguration``; what is refused is left out and named in ``problems``.
    """
    search = _Search(clients)
    for stream in dict.fromkeys(streams):
        search.tried(f"stream {stream}", lambda stream=stream: search.stream(stream))
    for function in functions:
        search.functions.setdefault(function)
    for function in search.functions:
        search.tried(f"function {function}", lambda function=function: search.memory(function))
    resources = AwsResources(
        streams=tuple(search.streams),
        functions=tuple(search.functions),
        tables=tuple(dict.fromkeys(tables)),
        queues=tuple(search.queues),
    )
    facts = ResourceFacts(search.memory_mb, search.shards, frozenset(search.on_demand))
    return Found(resources, facts, tuple(search.problems))


class _Search:
    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients
        self.streams: dict[str, None] = {}
        self.functions: dict[str, None] = {}
        self.queues: dict[str, None] = {}
        self.memory_mb: dict[str, int] = {}
        self.shards: dict[str, int] = {}
        self.on_demand: set[str] = set()
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
        mappings = self._clients("lambda").list_event_source_mappings(
            EventSourceArn=summary["StreamARN"]
        )
        for mapping in mappings["EventSourceMappings"]:
            self.functions[mapping["FunctionArn"].split(":function:")[-1].split(":")[0]] = None
            failures = mapping.get("DestinationConfig", {}).get("OnFailure", {})
            if ":sqs:" in failures.get("Destination", ""):
                self.queues[failures["Destination"].rsplit(":", 1)[-1]] = None

    def memory(self, name: str) -> None:
        """A function's memory."""
        answer = self._clients("lambda").get_function_configuration(FunctionName=name)
        self.memory_mb[name] = int(answer["MemorySize"])
