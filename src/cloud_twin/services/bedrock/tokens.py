"""How many tokens a text is taken for.

An estimate, not a tokenizer: one token per 3.5 bytes of UTF-8, between plain English (about four)
and JSON (about three), and four more for the frame of each message.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

BYTES_PER_TOKEN = 3.5
MESSAGE_TOKENS = 4


def tokens_of(text: str) -> int:
    """Of one text."""
    return ceil(len(text.encode()) / BYTES_PER_TOKEN)


def prompt_tokens(texts: Iterable[str]) -> int:
    """Of all messages and system texts of a prompt."""
    return sum(tokens_of(text) + MESSAGE_TOKENS for text in texts)


def cut(text: str, tokens: int) -> str:
    """The first ``tokens`` tokens of a text."""
    return text.encode()[: int(tokens * BYTES_PER_TOKEN)].decode(errors="ignore")


def pieces(text: str) -> list[str]:
    """A text in parts of about four tokens, as it is streamed."""
    step = 14
    return [text[at : at + step] for at in range(0, len(text), step)]
