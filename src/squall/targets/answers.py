"""Reads JSON answers: where the id, the decision and the score are, and what the words mean."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from squall.load_generator.target_spec import NO_SCORE, Reading, pack_end, score_bin
from squall.models import Decision, Outcome
from squall.models.interval import SCORE_BINS

Path = tuple[str | int, ...]

REFUSING_SERVER_ERRORS = frozenset({501, 503, 505, 507, 511})
"""5xx statuses by which a server says that it has not done what was asked (RFC 9110, sections
15.6.2, 15.6.4 and 15.6.6; RFC 4918, section 11.5; RFC 6585, section 6). After any other 5xx the
transaction may or may not have been taken."""

_POSITION = re.compile(r"0|[1-9][0-9]*")


def parse_path(text: str) -> Path:
    """A dotted path; parts of digits are positions in a list (``outputs.0.data.0``) or keys."""
    return tuple(int(part) if _POSITION.fullmatch(part) else part for part in text.split("."))


def at_path(document: object, path: Path) -> object | None:
    """The value at a path, or None where there is none."""
    value = document
    for part in path:
        if isinstance(value, dict):
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def word_of(value: object) -> str | None:
    """A decision as a word: text as it is, true and false and whole numbers as JSON writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else None


def number_of(value: object) -> float | None:
    """A finite JSON number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class ScoreBands:
    """Decisions by score, for services that answer with a score alone."""

    review: float | None
    decline: float | None

    def decide(self, score: float) -> Decision:
        """The decision that a score stands for."""
        if self.decline is not None and score >= self.decline:
            return Decision.DECLINE
        if self.review is not None and score >= self.review:
            return Decision.REVIEW
        return Decision.APPROVE


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """What an accepted answer looks like. Paths that are None are not looked for."""

    statuses: frozenset[int] = frozenset({200, 201, 202})
    id: Path | None = None
    decision: Path | None = None
    words: Mapping[str, Decision] = field(default_factory=dict)
    score: Path | None = None
    score_max: float = 1.0
    """The score that means certain fraud; bands are in the same units."""
    bands: ScoreBands | None = None


class JsonAnswerReader:
    """An ``AnswerReader`` for JSON answers."""

    def __init__(self, answer: AnswerFormat) -> None:
        self._format = answer
        self._flat = self._is_flat(answer)
        self._id_key = answer.id[0] if answer.id else None
        self._decision_key = answer.decision[0] if answer.decision else None
        self._score_key = answer.score[0] if answer.score else None
        self._score_max = answer.score_max
        self._ends = {word: pack_end(Outcome.ACCEPTED, code) for word, code in answer.words.items()}

    @staticmethod
    def _is_flat(answer: AnswerFormat) -> bool:
        """Whether everything sits at the top of the answer, so that three look-ups do."""
        paths = [path for path in (answer.id, answer.decision, answer.score) if path is not None]
        return answer.decision is not None and all(
            len(path) == 1 and isinstance(path[0], str) for path in paths
        )

    def quick(self, status: int, body: bytes, wire_id: str) -> int:
        """The packed end of an accepted answer to ``wire_id``; −1: ask ``read``."""
        if status not in self._format.statuses:
            return -1
        if not self._flat:
            return self._quick_any(body, wire_id, status)
        try:
            document = orjson.loads(body)
            if self._id_key is not None and document[self._id_key] != wire_id:
                return -1
            end = self._ends[document[self._decision_key]]
            if self._score_key is not None:
                score = document[self._score_key]
                if score.__class__ is not float:
                    return -1
                share = score / self._score_max
                binned = int(share * SCORE_BINS) if 0.0 <= share < 1.0 else score_bin(share)
                end += 16 * (binned - NO_SCORE)
        except (ValueError, KeyError, TypeError):
            return -1
        return end

    def _quick_any(self, body: bytes, wire_id: str, status: int) -> int:
        reading = self.read(status, body)
        if reading.outcome != Outcome.ACCEPTED or reading.wire_id not in (None, wire_id):
            return -1
        score = NO_SCORE if reading.score is None else score_bin(reading.score)
        return pack_end(Outcome.ACCEPTED, reading.decision, score)

    def read(self, status: int, body: bytes) -> Reading:
        """What an answer says, whatever it is."""
        if status in self._format.statuses:
            return self._read_accepted(body)
        refused = 400 <= status < 500 or status in REFUSING_SERVER_ERRORS
        outcome = Outcome.REJECTED if refused else Outcome.INDETERMINATE
        return Reading(outcome, kind=f"http_{status}")

    def _read_accepted(self, body: bytes) -> Reading:
        answer = self._format
        if not (answer.id or answer.decision or answer.score):
            return Reading(Outcome.ACCEPTED)
        try:
            document = orjson.loads(body)
        except ValueError:
            return Reading(Outcome.INDETERMINATE, kind="answer_not_json")
        wire_id = at_path(document, answer.id) if answer.id else None
        if answer.id and not isinstance(wire_id, str):
            return Reading(Outcome.INDETERMINATE, kind="answer_without_id")
        score = number_of(at_path(document, answer.score)) if answer.score else None
        if answer.score and score is None:
            return Reading(Outcome.INDETERMINATE, kind="answer_without_score")
        decision = self._decision(document, score)
        if decision is None:
            return Reading(Outcome.INDETERMINATE, kind=self._undecided(document))
        return Reading(
            Outcome.ACCEPTED,
            decision,
            None if score is None else score / answer.score_max,
            wire_id=wire_id if isinstance(wire_id, str) else None,
        )

    def _undecided(self, document: object) -> str:
        """Whether there is no word for a decision, or one that nobody has said the meaning of."""
        path = self._format.decision
        word = word_of(at_path(document, path)) if path else None
        return "answer_without_decision" if word is None else "unknown_decision"

    def _decision(self, document: object, score: float | None) -> Decision | None:
        answer = self._format
        if answer.decision:
            word = word_of(at_path(document, answer.decision))
            return None if word is None else answer.words.get(word)
        if answer.bands and score is not None:
            return answer.bands.decide(score)
        return Decision.NONE
