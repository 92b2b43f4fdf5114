"""Names of AWS resources as users write them, checked.

Each reader takes a text and gives the name; what cannot be one is a ``ValueError`` that says what
it must be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

STREAM = r"^(kinesis://)?[a-zA-Z0-9_.-]{1,128}$"
TABLE = r"^(dynamodb://)?[a-zA-Z0-9_.-]{3,255}$"
FUNCTION = (
    r"^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:)?"
    r"[a-zA-Z0-9_-]{1,64}(:[a-zA-Z0-9$_-]+)?$"
)
MODEL = r"^[a-zA-Z0-9._:/-]{3,2048}$"
BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[a-zA-Z0-9._-]{1,64})?$"
QUEUE = r"^[a-zA-Z0-9_-]{1,80}(\.fifo)?$"
WHOLE_BUCKET = "EntireBucket"
"""What the request metrics of a whole bucket are usually called, and always on the twin."""


def stream_name(text: str) -> str:
    """A Kinesis stream's name, with or without ``kinesis://``."""
    return _checked(text, STREAM, "a stream's name (letters, digits, _ . -)").removeprefix(
        "kinesis://"
    )


def table_name(text: str) -> str:
    """A DynamoDB table's name, with or without ``dynamodb://``."""
    return _checked(text, TABLE, "a table's name (letters, digits, _ . -)").removeprefix(
        "dynamodb://"
    )


def function_name(text: str) -> str:
    """A Lambda function: its name, name:alias or ARN, as written."""
    return _checked(text, FUNCTION, "a function's name, name:alias or ARN")


def model_id(text: str) -> str:
    """A Bedrock model's id, or that of its inference profile."""
    return _checked(text, MODEL, "a model's id, like amazon.nova-micro-v1:0")


def bucket_metrics(text: str) -> str:
    """A bucket, and behind ``/`` the filter of its request metrics."""
    return _checked(text, BUCKET, "a bucket's name, or NAME/FILTER with a request metrics filter")


def queue_name(text: str) -> str:
    """An SQS queue's name."""
    return _checked(text, QUEUE, "a queue's name (letters, digits, _ -)")


def _checked(text: str, pattern: str, what: str) -> str:
    if not re.fullmatch(pattern, text):
        raise ValueError(f"must be {what}")
    return text


def bare_function(text: str) -> str:
    """A function's name alone, as CloudWatch has it, from its name, name:alias or ARN."""
    return text.rpartition(":function:")[2].partition(":")[0]


def bucket_and_filter(text: str) -> tuple[str, str]:
    """Bucket and request metrics filter from what ``bucket_metrics`` takes."""
    bucket, _, metrics_filter = text.partition("/")
    return bucket, metrics_filter or WHOLE_BUCKET


@dataclass(frozen=True, slots=True)
class Watched:
    """Names of what else a target uses; its figures are read during a run."""

    streams: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    """``NAME`` or ``NAME/FILTER``."""
    queues: tuple[str, ...] = ()


_KINDS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "stream": ("streams", stream_name),
    "table": ("tables", table_name),
    "function": ("functions", function_name),
    "model": ("models", model_id),
    "bucket": ("buckets", bucket_metrics),
    "queue": ("queues", queue_name),
}


def watched_name(text: str) -> tuple[str, str]:
    """One ``KIND:NAME`` as (field of ``Watched``, name); raises ``ValueError``."""
    kind, _, name = text.partition(":")
    if kind not in _KINDS or not name:
        kinds = ", ".join(f"{kind}:NAME" for kind in _KINDS)
        raise ValueError(f"must be one of {kinds}")
    field, read = _KINDS[kind]
    return field, read(name)


def watched_from(names: Iterable[tuple[str, str]]) -> Watched:
    """What ``watched_name`` found, together; each name once."""
    found: dict[str, dict[str, None]] = {}
    for field, name in names:
        found.setdefault(field, {})[name] = None
    return Watched(**{field: tuple(each) for field, each in found.items()})
