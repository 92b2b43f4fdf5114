"""Borderline cases and models for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from fraud_platform.reasoning.model import Attempt, ModelText, ThrottledError
from fraud_platform.reasoning.prompt import Case, CaseFacts, Prompt, Vote
from fraud_platform.remote.pace import Bucket

EXPLANATION = "The device is new and the amount is high, but the customer is known for years."

_CASE = Case(
    facts=CaseFacts(
        "purchase", "online", 6.2, "EUR", "5732", "DE", "FR", 14, "match", "absent", "none",
        400, 31, 0,
    ),
    review_from=0.4,
    decline_from=0.9,
    decision="REVIEW",
    risk_score=0.45,
    confidence=0.55,
    disagreement=True,
    votes=(
        Vote("transaction_analyser", "voted", 0.7, 0.8, ("R05",)),
        Vote("pattern_detector", "voted", 0.1, 0.9, ()),
        Vote("risk_assessor", "late", None, None, ()),
        Vote("compliance", "voted", 0.2, 0.8, ()),
    ),
    reasons={"R05": "The device is new: known for 0 days"},
    features={"amount_scaled": 6.2},
)  # fmt: skip


def a_case(number: int = 0, **changes: Any) -> Case:
    """Cases of different numbers differ in one feature."""
    return replace(_CASE, **{"features": {"amount_scaled": 6.2, "number": number}, **changes})


def answer_text(decision: object = "REVIEW", confidence: object = 0.8, **changes: object) -> str:
    document = {
        "decision": decision,
        "confidence": confidence,
        "explanation": EXPLANATION,
        "factors": ["new device"],
    }
    return orjson.dumps({**document, **changes}).decode()


def model_text(text: str | None = None) -> ModelText:
    return ModelText(answer_text() if text is None else text, 700, 60, True)


class ScriptedModel:
    """Calls a function for each attempt and remembers them with their times."""

    def __init__(self, respond: Callable[[Prompt, Attempt], ModelText]) -> None:
        self._respond = respond
        self._lock = threading.Lock()
        self.attempts: list[tuple[float, Attempt]] = []

    def ask(self, prompt: Prompt, attempt: Attempt) -> ModelText:
        with self._lock:
            self.attempts.append((time.monotonic(), attempt))
        return self._respond(prompt, attempt)

    def times_s(self) -> list[float]:
        return sorted(at_s for at_s, _ in self.attempts)


def quota_model(rate_tps: float, burst: float) -> ScriptedModel:
    """Throttles like a service that takes so many calls a second."""
    bucket, lock = Bucket(rate_tps, burst, time.monotonic()), threading.Lock()

    def respond(_: Prompt, __: Attempt) -> ModelText:
        with lock:
            taken = bucket.take(1.0, time.monotonic())
        if not taken:
            raise ThrottledError("Too many requests")
        return model_text()

    return ScriptedModel(respond)
