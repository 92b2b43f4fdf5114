"""Cuts an expression into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cloud_twin.services.dynamodb.errors import validation
from cloud_twin.services.dynamodb.expressions.tree import Kind

EXPRESSION_BYTES_MAX = 4096

_TOKEN = re.compile(
    r"\s*(?:(?P<word>[A-Za-z_]\w*)|(?P<name>#\w+)|(?P<value>:\w+)|(?P<number>\d+)"
    r"|(?P<sign><>|<=|>=|[=<>()\[\],.+-])|(?P<end>\Z)|(?P<bad>.))",
    re.ASCII | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token with its place in the text. Types: word, name, value, number, sign, end."""

    type: str
    text: str
    start: int
    stop: int


def tokens_of(kind: Kind, text: str) -> tuple[Token, ...]:
    """All tokens, the last of type ``end``. Raises AwsError for a character that cannot be."""
    if not text.strip():
        raise validation(f"Invalid {kind.value}: The expression can not be empty;")
    size = len(text.encode())
    if size > EXPRESSION_BYTES_MAX:
        raise validation(
            f"Invalid {kind.value}: Expression size has exceeded the maximum allowed size; "
            f"expression size: {size}"
        )
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        type_ = match.lastgroup or "bad"
        token = Token(type_, match[type_], match.start(type_), match.end(type_))
        found.append(token)
        if type_ == "bad":
            raise syntax_error(kind, text, tuple(found), len(found) - 1)
        if type_ == "end":
            break
    return tuple(found)


def syntax_error(kind: Kind, text: str, tokens: tuple[Token, ...], at: int) -> Exception:
    """Names the token and shows it between its neighbours."""
    token = tokens[at]
    first = tokens[max(at - 1, 0)]
    last = tokens[min(at + 1, len(tokens) - 1)]
    shown = token.text or "<EOF>"
    return validation(
        f'Invalid {kind.value}: Syntax error; token: "{shown}", '
        f'near: "{text[first.start : last.stop]}"'
    )
