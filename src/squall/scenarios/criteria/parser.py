"""Reads a success criterion. A small language of its own; nothing is ever evaluated as Python.

    criterion  := either
    either     := all ("or" all)*
    all        := unless ("and" unless)*
    unless     := "not" unless | "(" either ")" | test
    test       := side [place] [operator side [place]]
    side       := number [unit] ["of" figure] | figure | "true" | "false"
    place      := "in" "phase" name
    operator   := "==" | "!=" | "<=" | ">=" | "<" | ">"
    name       := word | "quoted words"

A place at the end is that of both sides, unless the first has one of its own.

A number without a unit counts in the figure's own unit (``latency_ms.…`` in milliseconds, a share
from 0 to 1).
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

from squall.errors import CriterionError
from squall.scenarios.criteria import paths
from squall.scenarios.criteria.expression import (
    All,
    Amount,
    Comparison,
    Criterion,
    Either,
    Expression,
    Not,
    Portion,
    Truth,
)
from squall.scenarios.criteria.units import NONE, WRITTEN, Kind, Unit, units_of

MOST_CHARACTERS = 1000
MOST_NESTING = 50

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d[\d_]*)(?:\.\d+)?(?:[eE][-+]?\d+)?)
      | (?P<operator>==|!=|<=|>=|<|>|≤|≥|≠)
      | (?P<quoted>"[^"]*")
      | (?P<percent>%)
      | (?P<bracket>[()])
      | (?P<word>[^\W\d]\w*(?:\.\w+)*)
    )""",
    re.VERBOSE,
)
_SAME = {"≤": "<=", "≥": ">=", "≠": "!="}
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_KEYWORDS = {"and", "or", "not", "in", "phase", "of", "true", "false"}


def parse_criterion(text: str) -> Criterion:
    """The criterion that ``text`` states.

    Raises CriterionError with the position of what cannot be read, and a suggestion.
    """
    return Criterion(text, _Parser(text).parse())


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


Side = Amount | Portion | bool


class _Parser:
    """Recursive descent over the tokens of one criterion."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self._next = 0
        self._depth = 0

    def parse(self) -> Expression:
        """The whole text as one expression."""
        expression = self._either()
        token = self._peek()
        if token.kind != "end":
            raise self._error(token, f"“{token.text}” is not expected here")
        return expression

    # --- tokens

    def _split(self) -> list[_Token]:
        text, at, tokens = self._text, 0, list[_Token]()
        if len(text) > MOST_CHARACTERS:
            raise CriterionError(text[:60] + "…", 0, f"is longer than {MOST_CHARACTERS} characters")
        end = len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise CriterionError(text, at, _unreadable(text[at]))
            kind = match.lastgroup or ""
            tokens.append(_Token(kind, match[kind], match.start(kind)))
            at = match.end()
        tokens.append(_Token("end", "", end))
        return tokens

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _skip(self, word: str) -> bool:
        """Take the next token if it is this keyword or bracket."""
        token = self._peek()
        if token.kind in ("word", "bracket") and token.text == word:
            self._next += 1
            return True
        return False

    def _error(self, token: _Token, reason: str) -> CriterionError:
        return CriterionError(self._text, token.at, reason)

    # --- grammar

    def _either(self) -> Expression:
        parts = [self._all()]
        while self._skip("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _all(self) -> Expression:
        parts = [self._unless()]
        while self._skip("and"):
            parts.append(self._unless())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _unless(self) -> Expression:
        opening = self._peek()
        self._depth += 1
        if self._depth > MOST_NESTING:
            raise self._error(opening, f"is nested more than {MOST_NESTING} deep")
        try:
            if self._skip("not"):
                return Not(self._unless())
            if self._skip("("):
                inner = self._either()
                if not self._skip(")"):
                    raise self._error(self._peek(), "“)” is missing")
                return inner
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Expression:
        first = self._peek()
        left = self._placed(self._side())
        if self._peek().kind != "operator":
            return self._alone(first, left)
        sign = self._take().text
        sign = _SAME.get(sign, sign)
        second = self._peek()
        right = self._side()
        if isinstance(left, bool) or isinstance(right, bool):
            return self._as_truth(first, left, sign, right)
        if isinstance(left, Amount):
            if isinstance(right, Amount):
                raise self._error(first, "compares two numbers; one side must be a figure")
            left, sign, right = right, _MIRROR[sign], left
            first, second = second, first
        return self._at_the_end(Comparison(left, sign, self._fitted(left, right, first, second)))

    def _alone(self, first: _Token, side: Side) -> Truth:
        """A yes/no figure by itself."""
        if isinstance(side, Portion) and side.figure.unit.kind is Kind.FLAG:
            return Truth(side.figure)
        shown = side.figure if isinstance(side, Portion) else first.text
        raise self._error(self._peek(), f"{shown} needs a comparison, for instance “{shown} < 10”")

    def _as_truth(self, first: _Token, left: Side, sign: str, right: Side) -> Truth:
        """A yes/no figure compared with true or false."""
        side, wanted = (right, left) if isinstance(left, bool) else (left, right)
        if (
            not isinstance(wanted, bool)
            or not isinstance(side, Portion)
            or side.figure.unit.kind is not Kind.FLAG
            or sign not in ("==", "!=")
        ):
            raise self._error(first, "only a yes/no figure can be == or != true or false")
        return Truth(side.figure, wanted == (sign == "=="))

    def _fitted(
        self, left: Portion, right: Amount | Portion, first: _Token, second: _Token
    ) -> Amount | Portion:
        """The right side, in a unit of the left side's kind."""
        unit = left.figure.unit
        if unit.kind is Kind.FLAG:
            raise self._error(first, f"{left.figure} is yes or no: write it alone, or with “not”")
        other = right.figure.unit if isinstance(right, Portion) else right.unit
        if other is NONE and isinstance(right, Amount):
            return Amount(right.value, unit)
        plain = {Kind.COUNT, Kind.NUMBER}
        if other.kind is not unit.kind and not {other.kind, unit.kind} <= plain:
            raise self._error(second, _misfit(left, right, unit))
        return right

    def _placed(self, side: Side) -> Side:
        """The first side with the place that is written behind it."""
        place = self._place()
        if place is None:
            return side
        if not isinstance(side, Portion):
            raise self._error(place, "a phase goes behind a figure, not behind a number")
        return replace(side, phase=self._phase(side, place))

    def _at_the_end(self, test: Comparison) -> Comparison:
        """The comparison with the place that is written at its end."""
        place = self._place()
        if place is None:
            return test
        left, right = test.left, test.right
        if left.phase is None:
            left = replace(left, phase=self._phase(left, place))
            if isinstance(right, Portion) and right.figure.has_phases:
                right = replace(right, phase=left.phase)
        elif isinstance(right, Portion):
            right = replace(right, phase=self._phase(right, place))
        else:
            raise self._error(place, f"{left.figure} has its phase already")
        return replace(test, left=left, right=right)

    def _place(self) -> _Token | None:
        """The token with a phase's name, where a place is written."""
        if not self._skip("in"):
            return None
        if not self._skip("phase"):
            raise self._error(self._peek(), "“in” goes with “phase” and a phase's name")
        token = self._take()
        if token.kind not in ("word", "quoted"):
            raise self._error(token, "a phase's name is missing")
        return token

    def _phase(self, side: Portion, place: _Token) -> str:
        """The name of a phase in which the figure can be measured."""
        if not side.figure.has_phases:
            raise self._error(
                place,
                f"{side.figure} is not measured by phase; these are: {', '.join(paths.IN_PHASE)}",
            )
        return place.text.strip('"')

    def _side(self) -> Side:
        token = self._take()
        if token.kind == "number":
            return self._number(token)
        if token.kind == "word" and token.text not in _KEYWORDS:
            return Portion(self._figure(token))
        if token.text in ("true", "false"):
            return token.text == "true"
        found = f", not “{token.text}”" if token.text else ""
        raise self._error(token, f"a figure or a number is expected{found}")

    def _number(self, token: _Token) -> Amount | Portion:
        value = float(token.text.replace(",", "").replace("_", ""))
        unit = self._unit()
        if not self._skip("of"):
            return Amount(value, unit)
        if unit is not NONE and unit.kind is not Kind.SHARE:
            raise self._error(token, "only a share or a plain number can be taken “of” a figure")
        return Portion(self._figure(self._take()), value * unit.factor)

    def _unit(self) -> Unit:
        token = self._peek()
        if token.kind not in ("word", "percent") or token.text in _KEYWORDS:
            return NONE
        self._next += 1
        unit = WRITTEN.get(token.text.lower())
        if unit is None:
            close = difflib.get_close_matches(token.text.lower(), WRITTEN, n=1)
            idea = f"did you mean {close[0]}?" if close else f"units are {', '.join(WRITTEN)}"
            raise self._error(token, f"“{token.text}” is not a unit; {idea}")
        return unit

    def _figure(self, token: _Token) -> paths.Figure:
        found = paths.figure(token.text) if token.kind == "word" else None
        if found is None:
            raise self._error(
                token, f"there is no figure “{token.text}”{paths.suggestion(token.text)}"
            )
        return found


def _unreadable(character: str) -> str:
    if character == "=":
        return "write == to compare"
    return f"“{character}” cannot be read"


def _misfit(left: Portion, right: Amount | Portion, unit: Unit) -> str:
    """Why two sides cannot be compared."""
    if isinstance(right, Portion):
        return (
            f"{right.figure} is {right.figure.unit.kind.value}, {left.figure} is {unit.kind.value}"
        )
    words = units_of(unit.kind)
    instead = f"in {', '.join(words)}" if words else "without a unit"
    return (
        f"{right.unit.name} is {right.unit.kind.value}, but {left.figure} is {unit.kind.value}: "
        f"write it {instead}"
    )
