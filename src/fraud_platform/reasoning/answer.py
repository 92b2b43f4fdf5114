"""Reading the model's answer: exactly what was asked for, or it is a failure."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from fraud_platform.agents.coordinator import WORDS

EXPLANATION_LETTERS = (20, 1_500)
FACTORS = (1, 8)
FACTOR_LETTERS = (2, 160)
_KEYS = {"decision", "confidence", "explanation", "factors"}
_ENDS = (".", "!", "?", ".”", '."')


class MalformedAnswerError(Exception):
    """The model's answer is not what was asked for; the message says where."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the model thinks of a case."""

    decision: str
    confidence: float
    explanation: str
    factors: tuple[str, ...]


def read_answer(text: str) -> Opinion:
    """Parse an answer; raises ``MalformedAnswerError``.

    White space around the object is all that is forgiven: an answer that needs repair was not
    thought to its end.
    """
    try:
        document = orjson.loads(text)
    except ValueError as error:
        raise MalformedAnswerError(f"not JSON: {error}") from error
    if not isinstance(document, dict) or set(document) != _KEYS:
        raise MalformedAnswerError(f"not an object of exactly {', '.join(sorted(_KEYS))}")
    decision, confidence = document["decision"], document["confidence"]
    if decision not in WORDS:
        raise MalformedAnswerError(f"decision must be one of {', '.join(WORDS)}")
    if isinstance(confidence, bool) or not isinstance(confidence, int | float):
        raise MalformedAnswerError("confidence must be a number")
    if not 0.0 <= confidence <= 1.0:
        raise MalformedAnswerError("confidence must be from 0 to 1")
    return Opinion(
        decision,
        float(confidence),
        _explanation(document["explanation"]),
        _factors(document["factors"]),
    )


def readable(text: str) -> bool:
    """Whether an explanation is complete: whole sentences of printable text, none of them cut."""
    return (
        EXPLANATION_LETTERS[0] <= len(text) <= EXPLANATION_LETTERS[1]
        and text.isprintable()
        and text.endswith(_ENDS)
        and "{" not in text
        and "}" not in text
    )


def _explanation(value: object) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not readable(text):
        raise MalformedAnswerError("explanation must be whole sentences of plain text")
    return text


def _factors(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not FACTORS[0] <= len(value) <= FACTORS[1]:
        raise MalformedAnswerError("factors must be an array of one to eight strings")
    factors = tuple(" ".join(f.split()) if isinstance(f, str) else "" for f in value)
    least, most = FACTOR_LETTERS
    if not all(least <= len(factor) <= most and factor.isprintable() for factor in factors):
        raise MalformedAnswerError("each factor must be a short phrase")
    return factors
