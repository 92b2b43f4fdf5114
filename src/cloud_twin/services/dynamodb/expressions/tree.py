"""What expressions are made of once they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Kind(Enum):
    """Where an expression stands in a request; errors name it."""

    CONDITION = "ConditionExpression"
    FILTER = "FilterExpression"
    KEY_CONDITION = "KeyConditionExpression"
    PROJECTION = "ProjectionExpression"
    UPDATE = "UpdateExpression"


@dataclass(frozen=True, slots=True)
class Path:
    """A document path: names (``#x`` still to be resolved) and list indexes."""

    parts: tuple[str | int, ...]
    placeholders: bool


@dataclass(frozen=True, slots=True)
class Value:
    """``:v``."""

    name: str


@dataclass(frozen=True, slots=True)
class Size:
    """``size(path)``."""

    path: Path


@dataclass(frozen=True, slots=True)
class IfNotExists:
    """``if_not_exists(path, operand)``."""

    path: Path
    otherwise: Operand


@dataclass(frozen=True, slots=True)
class ListAppend:
    """``list_append(operand, operand)``."""

    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``operand + operand`` or ``operand - operand``."""

    operator: str
    left: Operand
    right: Operand


Operand: TypeAlias = Path | Value | Size | IfNotExists | ListAppend | Arithmetic


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator right``; operator is one of ``= <> < <= > >=``."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Between:
    """``operand BETWEEN lower AND upper``, both included."""

    operand: Operand
    lower: Operand
    upper: Operand


@dataclass(frozen=True, slots=True)
class In:
    """``operand IN (choice, …)``."""

    operand: Operand
    choices: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A condition that is a function call."""

    name: str
    arguments: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """``NOT condition``."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class And:
    """Both."""

    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Or:
    """At least one."""

    left: Condition
    right: Condition


Condition: TypeAlias = Comparison | Between | In | Function | Not | And | Or


@dataclass(frozen=True, slots=True)
class Action:
    """``SET path = operand``, ``REMOVE path``, ``ADD path :v`` or ``DELETE path :v``."""

    verb: str
    path: Path
    operand: Operand | None = None


Update: TypeAlias = tuple[Action, ...]
Projection: TypeAlias = tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression with the placeholders it uses."""

    kind: Kind
    root: Condition | Update | Projection
    names: frozenset[str]
    values: frozenset[str]


def paths_in(node: Condition | Operand) -> Iterator[Path]:
    """All document paths in a condition."""
    if isinstance(node, Path):
        yield node
        return
    for name in node.__slots__:
        part = getattr(node, name)
        for each in part if isinstance(part, tuple) else (part,):
            if not isinstance(each, str):
                yield from paths_in(each)
