"""The names of what a call touches: how fault plans and the list of attempts speak of it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

_NAMES: Mapping[str, tuple[str, ...]] = {
    "kinesis": ("StreamName", "StreamARN", "ResourceARN"),
    "dynamodb": ("TableName", "ResourceArn", "TableArn"),
    "lambda": ("FunctionName", "EventSourceArn"),
    "sqs": ("QueueUrl", "QueueName", "SourceArn"),
    "s3": ("Bucket",),
    "bedrock-runtime": ("modelId",),
    "cloudwatch": ("Namespace",),
}


def resources_of(service: str, parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of streams, tables, functions, queues, buckets or models; several for a batch."""
    for key in _NAMES.get(service, ()):
        value = parameters.get(key)
        if isinstance(value, str) and value:
            return (_short(service, value),)
    if service == "dynamodb":
        return _tables(parameters)
    if service == "kinesis":
        return _stream_of_iterator(parameters)
    return ()


def _short(service: str, value: str) -> str:
    """The name in an ARN or a queue's address; a model id stays as it is."""
    if service == "bedrock-runtime":
        return value.rpartition("/")[2] if value.startswith("arn:") else value
    if value.startswith("arn:"):
        rest = value.split(":", 5)[-1]
        if rest.startswith("function:"):
            return rest.split(":")[1]
        parts = rest.split("/")
        return parts[1] if len(parts) > 1 else rest
    if service == "sqs":
        return value.rstrip("/").rpartition("/")[2]
    if service == "lambda":
        return value.partition(":")[0]
    return value


def _tables(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    requests = parameters.get("RequestItems")
    if isinstance(requests, dict):
        return tuple(_short("dynamodb", str(name)) for name in requests)
    names: dict[str, None] = {}
    items = parameters.get("TransactItems")
    for item in items if isinstance(items, list) else ():
        for action in item.values() if isinstance(item, dict) else ():
            table = action.get("TableName") if isinstance(action, dict) else None
            if isinstance(table, str):
                names[_short("dynamodb", table)] = None
    return tuple(names)


def _stream_of_iterator(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """GetRecords may name its stream in the iterator only: base64 that ends with the ARN."""
    iterator = parameters.get("ShardIterator")
    if not isinstance(iterator, str):
        return ()
    try:
        _, found, name = b64decode(iterator).rpartition(b":stream/")
    except ValueError:
        return ()
    return (name.decode("utf-8", "replace"),) if found else ()
