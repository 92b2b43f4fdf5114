"""Putting reviews back into a settled micro-batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fraud_platform.agents.coordinator import WORDS, Settlement
from fraud_platform.reasoning.reviewer import Review


def reviewed(settled: Settlement, rows: Sequence[int], reviews: Sequence[Review]) -> Settlement:
    """The settlement with the reviews' decisions and confidences in their rows.

    Scores and reasons stay what the agents made of them.
    """
    decision, confidence = settled.decision.copy(), settled.confidence.copy()
    for row, review in zip(rows, reviews, strict=True):
        decision[row] = WORDS.index(review.decision)
        confidence[row] = review.confidence
    return replace(settled, decision=decision, confidence=confidence)


def explanations(rows: Sequence[int], reviews: Sequence[Review]) -> dict[int, str]:
    """What to tell about each reviewed row instead of the agents' own explanation."""
    return {row: review.explanation for row, review in zip(rows, reviews, strict=True)}
