"""A fraud case as it stands in a prompt: JSON between ``<case>`` and ``</case>``.

Members: ``transaction`` (an object), ``votes`` (objects with ``agent``, ``risk``, ``confidence``
and ``reason_codes``), ``features`` (figures by name), ``reasons`` (a sentence by code),
``thresholds`` (``review_from``, ``decline_from``) and ``provisional`` (with ``risk_score``). All
but one of ``votes`` and ``provisional`` may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import orjson

REVIEW_FROM, DECLINE_FROM = 0.35, 0.75
"""Thresholds of a case that names none."""
_OPENS, _CLOSES = "<case>", "</case>"


class UnreadableCase(ValueError):
    """There is a case, but it cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One agent's vote."""

    agent: str
    risk: float
    confidence: float
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """What is weighed."""

    facts: Mapping[str, Any]
    """Features, and over them the transaction's own fields, by name."""
    votes: tuple[Vote, ...]
    silent: tuple[str, ...]
    """Agents that did not vote."""
    reasons: Mapping[str, str]
    review_from: float
    decline_from: float
    risk: float | None
    """The agents' weighted vote, where the case has it."""

    def figure(self, *names: str) -> float | None:
        """The first of these facts that is a number and applies (−1 stands for none)."""
        for name in names:
            value = self.facts.get(name)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
                return float(value)
        return None

    def word(self, *names: str) -> str | None:
        """The first of these facts that is text."""
        for name in names:
            value = self.facts.get(name)
            if isinstance(value, str):
                return value
        return None

    @property
    def codes(self) -> frozenset[str]:
        """Reason codes of all votes."""
        return frozenset(code for vote in self.votes for code in vote.codes)


def find_case(prompt: str) -> tuple[str, str] | None:
    """The case's JSON and the prompt without it; None where there is none. The last one counts."""
    begin = prompt.rfind(_OPENS)
    end = prompt.find(_CLOSES, begin) if begin >= 0 else -1
    if end < 0:
        return None
    return prompt[begin + len(_OPENS) : end], prompt[:begin] + prompt[end + len(_CLOSES) :]


def read_case(text: str) -> Case:
    """Raises ``UnreadableCase``."""
    try:
        document = orjson.loads(text)
    except ValueError as problem:
        raise UnreadableCase(f"it is not JSON ({problem})") from None
    if not isinstance(document, dict):
        raise UnreadableCase("it is not a JSON object")
    votes, silent = _votes(document.get("votes"))
    provisional = document.get("provisional")
    risk = _share(provisional.get("risk_score")) if isinstance(provisional, dict) else None
    if not votes and risk is None:
        raise UnreadableCase("it has neither votes nor a provisional risk_score")
    thresholds = document.get("thresholds")
    limits = thresholds if isinstance(thresholds, dict) else {}
    review_from = _share(limits.get("review_from"))
    decline_from = _share(limits.get("decline_from"))
    review_from = REVIEW_FROM if review_from is None else review_from
    decline_from = max(DECLINE_FROM if decline_from is None else decline_from, review_from)
    facts = {**_object(document.get("features")), **_object(document.get("transaction"))}
    reasons = {
        str(code): sentence
        for code, sentence in _object(document.get("reasons")).items()
        if isinstance(sentence, str)
    }
    return Case(facts, votes, silent, reasons, review_from, decline_from, risk)


def _votes(value: object) -> tuple[tuple[Vote, ...], tuple[str, ...]]:
    votes: list[Vote] = []
    silent: list[str] = []
    for entry in value if isinstance(value, list) else ():
        if not isinstance(entry, dict):
            raise UnreadableCase("one of its votes is not an object")
        agent = str(entry.get("agent", "an agent"))
        risk, confidence = _share(entry.get("risk")), _share(entry.get("confidence"))
        if risk is None:
            silent.append(agent)
            continue
        codes = entry.get("reason_codes")
        named = tuple(str(code) for code in codes) if isinstance(codes, list) else ()
        votes.append(Vote(agent, risk, 0.5 if confidence is None else confidence, named))
    return tuple(votes), tuple(silent)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _share(value: object) -> float | None:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if isfinite(value) and 0.0 <= value <= 1.0 else None
