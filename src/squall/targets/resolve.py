"""From what a user writes after ``--target`` to a target."""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path

from pydantic import ValidationError

from squall.errors import ConfigurationError, Problem, TargetFileError
from squall.models import FIELDS
from squall.targets.aws import (
    SCHEMES,
    FrontTarget,
    KinesisTarget,
    LambdaTarget,
    parse_kinesis,
    parse_lambda,
)
from squall.targets.http_target import HttpTarget, Target
from squall.targets.target_file import TargetFile
from squall.targets.target_reading import load_target_file, parse_target_file

_SUFFIXES = (".yaml", ".yml")
_HOST_AND_PORT = re.compile(r"[\w.-]+:\d+")


def platform_target(url: str) -> HttpTarget:
    """The reference fraud platform, or whatever speaks its interface, at ``url``."""
    catalogue = importlib.resources.files("squall.targets") / "catalogue" / "fraud_platform.yaml"
    described = parse_target_file(catalogue.read_text("utf-8"), "fraud_platform.yaml")
    checked = TargetFile.model_validate({**described.model_dump(), "url": url})
    return HttpTarget(checked, FIELDS)


def stream_platform_target(
    url: str, endpoint_url: str, region: str, reasoning_model: str | None = None
) -> FrontTarget:
    """The reference platform in stream mode: its gateway at ``url``, its AWS at ``endpoint_url``.

    ``reasoning_model``: id of the model that its reasoning asks; None: it asks none.

    Raises:
        ConfigurationError: AWS cannot be used as configured here.
    """
    catalogue = importlib.resources.files("squall.targets") / "catalogue"
    text = (catalogue / "fraud_platform_stream.yaml").read_text("utf-8")
    described = parse_target_file(text, "fraud_platform_stream.yaml")
    assert described.decisions is not None, "the catalogue says where decisions come out"
    decisions = described.decisions.model_dump()
    decisions |= {"endpoint_url": endpoint_url, "region": region}
    if reasoning_model is not None:
        decisions["watch"] |= {"models": (reasoning_model,)}
    checked = TargetFile.model_validate(
        {**described.model_dump(), "url": url, "decisions": decisions}
    )
    assert checked.decisions is not None, "they were given"
    return FrontTarget(HttpTarget(checked, FIELDS), checked.decisions)


def open_target(text: str, known_fields: frozenset[str] | None = None) -> Target:
    """A target of any kind; as ``resolve_target``, and AWS streams and functions.

    Raises:
        ConfigurationError: it is none, or AWS cannot be used as configured here.
        TargetFileError: the file, or what follows ``kinesis://`` or ``lambda://``, is wrong.
    """
    if not text.startswith(SCHEMES):
        front = resolve_target(text, known_fields)
        part = front.spec.file.decisions
        return front if part is None else FrontTarget(front, part)
    fields = frozenset(FIELDS) if known_fields is None else known_fields
    names = tuple(sorted_fields(fields))
    if text.startswith("lambda://"):
        return LambdaTarget(parse_lambda(text), names)
    address = parse_kinesis(text)
    if address.partition_key not in fields:
        problem = f"{address.partition_key} is no field of a transaction: there are {names}"
        raise TargetFileError([Problem("--target", "partition_key", problem)])
    return KinesisTarget(address, names)


def resolve_target(text: str, known_fields: frozenset[str] | None = None) -> HttpTarget:
    """A target from a URL (the fraud platform's interface) or a target file.

    Args:
        text: what the user wrote.
        known_fields: fields that the run's transactions have; None: squall's own.

    Raises:
        ConfigurationError: it is neither.
        TargetFileError: the file is wrong.
    """
    if text.startswith(("http://", "https://")):
        try:
            return platform_target(text)
        except ValidationError as error:
            message = error.errors()[0]["msg"].removeprefix("Value error, ")
            problem = f"{text} {message.replace('request.path', 'request.path of a target file')}"
            raise TargetFileError([Problem("--target", "", problem)]) from error
    path = Path(text)
    if path.suffix in _SUFFIXES:
        fields = frozenset(FIELDS) if known_fields is None else known_fields
        return HttpTarget(load_target_file(path, fields), tuple(sorted_fields(fields)))
    hint = f"; did you mean http://{text}?" if _HOST_AND_PORT.fullmatch(text) else ""
    raise ConfigurationError(
        f"--target {text}: give inline, a URL (http://host:port, kinesis://STREAM, "
        f"lambda://FUNCTION) or a target file (.yaml){hint}"
    )


def sorted_fields(fields: frozenset[str]) -> list[str]:
    """Fields in the order of a transaction, others after them by name."""
    order = {field: number for number, field in enumerate(FIELDS)}
    return sorted(fields, key=lambda field: (order.get(field, len(order)), field))
