"""Metric math as text: from ``100 * errors / SUM(METRICS("calls"))`` to a tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LENGTH_LIMIT = 2048
DEPTH_LIMIT = 40
"""Deepest nesting of parentheses and calls."""


class BadExpression(Exception):
    """What is wrong with an expression; the message is for its author."""


@dataclass(frozen=True, slots=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string."""

    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """The id of another query, or a word such as REPEAT."""

    value: str


@dataclass(frozen=True, slots=True)
class Negation:
    """Minus."""

    of: Node


@dataclass(frozen=True, slots=True)
class Operation:
    """Two operands."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Array:
    """Several lines as one value: ``[m1, m2]``."""

    elements: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A call; the name in capitals."""

    name: str
    arguments: tuple[Node, ...]


Node = Number | Text | Name | Negation | Operation | Array | Function

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/^<>(),\[\]]))""",
    re.VERBOSE,
)
_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"||", "OR"}),
    frozenset({"&&", "AND"}),
    frozenset({"==", "!=", "<", ">", "<=", ">="}),
    frozenset({"+", "-"}),
    frozenset({"*", "/"}),
)
"""Operators that bind ever more tightly; each level groups from the left."""
_SYNONYMS = {"OR": "||", "AND": "&&"}


def parse(text: str) -> Node:
    """The tree of an expression. Raises ``BadExpression``."""
    if len(text) > LENGTH_LIMIT:
        raise BadExpression(f"it is longer than {LENGTH_LIMIT} characters")
    return _Parser(text).whole()


def names(node: Node) -> Iterator[str]:
    """Every name in a tree, in the order of the text."""
    match node:
        case Name(value):
            yield value
        case Negation(of):
            yield from names(of)
        case Operation():
            first, steps = unfold(node)
            yield from names(first)
            for _, operand in steps:
                yield from names(operand)
        case Array(nodes) | Function(_, nodes):
            for each in nodes:
                yield from names(each)


def unfold(node: Operation) -> tuple[Node, list[tuple[str, Node]]]:
    """First operand, then each sign with its operand: long sums must not nest deeply."""
    steps: list[tuple[str, Node]] = []
    left: Node = node
    while isinstance(left, Operation):
        steps.append((left.sign, left.right))
        left = left.left
    return left, steps[::-1]


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._level(0)
        if self._peek() is not None:
            raise BadExpression(f"unexpected '{self._peek()}'")
        return node

    def _peek(self) -> str | None:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else None

    def _take(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise BadExpression("it ends too early")
        self._next += 1
        return self._tokens[self._next - 1]

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            raise BadExpression(f"'{sign}' is missing")
        self._next += 1

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        node = self._level(level + 1)
        while self._peek() in _LEVELS[level]:
            sign = self._take()[1]
            node = Operation(_SYNONYMS.get(sign, sign), node, self._level(level + 1))
        return node

    def _unary(self) -> Node:
        minus = False
        while self._peek() in ("-", "+"):
            minus ^= self._take()[1] == "-"
        node = self._power()
        return Negation(node) if minus else node

    def _power(self) -> Node:
        node = self._primary()
        while self._peek() == "^":
            self._next += 1
            minus = self._peek() == "-"
            if minus:
                self._next += 1
            exponent = self._primary()
            node = Operation("^", node, Negation(exponent) if minus else exponent)
        return node

    def _primary(self) -> Node:
        kind, token = self._take()
        if kind == "number":
            return Number(float(token))
        if kind == "text":
            return Text(token[1:-1])
        if kind == "word":
            return self._call(token) if self._peek() == "(" else Name(token)
        if token == "[":
            return Array(self._list("]"))
        if token != "(":
            raise BadExpression(f"unexpected '{token}'")
        self._enter()
        node = self._level(0)
        self._expect(")")
        self._depth -= 1
        return node

    def _call(self, name: str) -> Node:
        self._expect("(")
        return Function(name.upper(), self._list(")"))

    def _list(self, end: str) -> tuple[Node, ...]:
        """What is between commas up to ``end``, which is taken too."""
        self._enter()
        nodes: list[Node] = []
        if self._peek() != end:
            nodes.append(self._level(0))
            while self._peek() == ",":
                self._next += 1
                nodes.append(self._level(0))
        self._expect(end)
        self._depth -= 1
        return tuple(nodes)

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise BadExpression(f"it is nested deeper than {DEPTH_LIMIT} levels")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    end = len(text.rstrip())
    while place < end:
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise BadExpression(f"unexpected '{text[place:].lstrip()[0]}'")
        yield found.lastgroup, found[found.lastgroup]
        place = found.end()
