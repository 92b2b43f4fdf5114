"""What a user writes: ``kinesis://STREAM?…`` and ``lambda://FUNCTION?…``, read and checked."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from squall.errors import Problem, TargetFileError
from squall.targets import resource_names
from squall.targets.resource_names import Watched
from squall.targets.target_decisions import POLL_MS_MAX, POLL_MS_MIN

SCHEMES = ("kinesis://", "lambda://")
LINGER_MS_MAX = 1_000.0

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
_REGION = re.compile(r"[a-z0-9-]{2,40}")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class DecisionFormat:
    """Where the parts of a decision are: dotted paths in an event, attributes of a table's item."""

    id: str = "transaction_id"
    decision: str = "decision"
    score: str = "risk_score"
    replay: str = "replay"
    amount: str = "amount"
    decided_at: str = ""
    """When it was decided; only in a table. Empty: that is not said."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where AWS is, as far as the target says."""

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None


@dataclass(frozen=True, slots=True)
class KinesisAddress:
    """A stream that transactions are put into, and where decisions come out."""

    stream: str
    place: Place = Place()
    decisions: str | None = None
    """Stream with the decisions."""
    table: str | None = None
    """Table with the decisions."""
    agents: str | None = None
    """URL of the agents' figures."""
    partition_key: str = "user_id"
    linger_ms: float = 5.0
    poll_ms: float = 250.0
    format: DecisionFormat = DecisionFormat()
    watch: Watched = field(default_factory=Watched)
    """What else the target uses."""


@dataclass(frozen=True, slots=True)
class LambdaAddress:
    """A function that is invoked once per transaction and answers with the decision."""

    function: str
    place: Place = Place()
    table: str | None = None
    agents: str | None = None
    """URL of the agents' figures."""
    format: DecisionFormat = DecisionFormat()
    watch: Watched = field(default_factory=Watched)
    """What else the target uses."""


class _Options:
    """The query of a target, taken out one by one; notes every problem."""

    def __init__(self, text: str) -> None:
        parts = urlsplit(text)
        self.text = text
        self.problems: list[Problem] = []
        self.name = unquote(parts.netloc + parts.path)
        self._left: dict[str, list[str]] = {}
        for option, value in parse_qsl(parts.query, keep_blank_values=True):
            self._left.setdefault(option, []).append(value)
        self._known: list[str] = []
        if parts.fragment:
            self.problem("", "must not have a fragment (#)")

    def problem(self, option: str, message: str) -> None:
        self.problems.append(Problem("--target", option, message))

    def take(self, option: str, read: Callable[[str], _Value], default: _Value) -> _Value:
        """What an option says that may be given once."""
        if len(self._left.get(option, ())) > 1:
            self.problem(option, "is given twice")
        return next(iter(self.take_all(option, read)), default)

    def take_all(self, option: str, read: Callable[[str], _Value]) -> list[_Value]:
        """What an option says each time it is given."""
        self._known.append(option)
        found = []
        for text in self._left.pop(option, ()):
            try:
                found.append(read(text))
            except ValueError as error:
                self.problem(option, f"{error}, not “{text}”")
        return found

    def close(self) -> None:
        """Raise for everything that was wrong, unknown options included."""
        for option in self._left:
            known = ", ".join(sorted(self._known))
            self.problem(
                option, f"is not an option of {self.text.partition('?')[0]}; it has {known}"
            )
        if self.problems:
            raise TargetFileError(self.problems)


def parse_kinesis(text: str) -> KinesisAddress:
    """Read ``kinesis://STREAM?…``.

    Raises:
        TargetFileError: with everything that is wrong with it.
    """
    options = _Options(text)
    if not _NAME.fullmatch(options.name):
        options.problem("", f"kinesis:// needs a stream's name (letters, digits, _ . -): {text}")
    address = KinesisAddress(
        stream=options.name,
        place=_place(options),
        decisions=options.take("decisions", _stream, None),
        table=options.take("table", _table, None),
        agents=options.take("agents", _whole_url, None),
        partition_key=options.take("partition_key", _field, "user_id"),
        linger_ms=options.take("linger_ms", _between(0, LINGER_MS_MAX), 5.0),
        poll_ms=options.take("poll_ms", _between(POLL_MS_MIN, POLL_MS_MAX), 250.0),
        format=replace(_format(options), decided_at=options.take("decided_at", _some, None) or ""),
        watch=_watch(options),
    )
    if address.format.decided_at and address.table is None:
        options.problem("decided_at", "is an attribute of a table: give table= too")
    if address.format.decided_at and address.decisions is not None:
        options.problem("decided_at", "is not used with decisions=, where times are measured")
    options.close()
    return address


def parse_lambda(text: str) -> LambdaAddress:
    """Read ``lambda://FUNCTION?…`` (name, name:alias or ARN).

    Raises:
        TargetFileError: with everything that is wrong with it.
    """
    options = _Options(text)
    if not re.fullmatch(resource_names.FUNCTION, options.name):
        options.problem("", f"lambda:// needs a function's name, name:alias or ARN: {text}")
    address = LambdaAddress(
        function=options.name,
        place=_place(options),
        table=options.take("table", _table, None),
        agents=options.take("agents", _whole_url, None),
        format=_format(options),
        watch=_watch(options),
    )
    options.close()
    return address


def _watch(options: _Options) -> Watched:
    return resource_names.watched_from(options.take_all("watch", resource_names.watched_name))


def _place(options: _Options) -> Place:
    return Place(
        options.take("region", _region, None),
        options.take("profile", _some, None),
        options.take("endpoint_url", _url, None),
    )


def _format(options: _Options) -> DecisionFormat:
    default = DecisionFormat()
    return DecisionFormat(
        id=options.take("id", _path, default.id),
        decision=options.take("decision", _path, default.decision),
        score=options.take("score", _path, default.score),
        replay=options.take("replay", _path, default.replay),
        amount=options.take("amount", _path, default.amount),
    )


def _stream(text: str) -> str | None:
    name = text.removeprefix("kinesis://")
    if not _NAME.fullmatch(name):
        raise ValueError("must be kinesis://STREAM")
    return name


def _table(text: str) -> str | None:
    if not re.fullmatch(resource_names.TABLE, text):
        raise ValueError("must be dynamodb://TABLE")
    return resource_names.table_name(text)


def _region(text: str) -> str | None:
    if not _REGION.fullmatch(text):
        raise ValueError("must be a region like eu-west-1")
    return text


def _url(text: str) -> str | None:
    if not re.fullmatch(r"https?://[^/?#\s]+/?", text):
        raise ValueError("must be http(s)://host:port")
    return text.rstrip("/")


def _whole_url(text: str) -> str | None:
    if not re.fullmatch(r"https?://[^/?#\s]+/[^#\s]*", text):
        raise ValueError("must be a URL with its path, like http://host:port/v1/agents")
    return text


def _some(text: str) -> str | None:
    if not text:
        raise ValueError("must be a name")
    return text


def _field(text: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", text):
        raise ValueError("must be a field of a transaction, like user_id")
    return text


def _path(text: str) -> str:
    if not text or not all(text.split(".")):
        raise ValueError("must be names with dots between them")
    return text


def _between(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"must be {low:g} to {high:g} milliseconds")
        return value

    return read
