"""Decision events as a stream carries them: JSON objects, or lists of them, one or more a record.

What is looked for is said by ``DecisionFormat``. Words for decisions are those of the reference
platform and their everyday forms; a transaction that was taken in and will not be decided is said
to be REFUSED.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping

import orjson

from squall.models import Decision, DecisionEvent
from squall.targets.answers import at_path, number_of, parse_path, word_of
from squall.targets.aws.address import DecisionFormat

WORDS: Mapping[str, Decision] = {
    "APPROVE": Decision.APPROVE,
    "APPROVED": Decision.APPROVE,
    "REVIEW": Decision.REVIEW,
    "DECLINE": Decision.DECLINE,
    "DECLINED": Decision.DECLINE,
}
REFUSALS = frozenset({"REFUSED", "REJECTED", "INVALID"})
_INT64 = range(-(2**63), 2**63)
_CONFLICT = ("conflict",)
"""Where the reference platform says that another transaction came under the id."""


class EventReader:
    """Reads the events of one run out of records; everything else in the stream is passed over."""

    def __init__(self, form: DecisionFormat, run_tag: str) -> None:
        self._id = parse_path(form.id)
        self._decision = parse_path(form.decision)
        self._score = parse_path(form.score)
        self._replay = parse_path(form.replay)
        self._amount = parse_path(form.amount)
        self._start = f"{run_tag}-"
        self._mark = self._start.encode()

    def read_base64(self, data: str) -> Iterator[DecisionEvent]:
        """The events in one record's data."""
        try:
            content = binascii.a2b_base64(data)
        except (binascii.Error, ValueError):
            return
        yield from self.read(content)

    def read(self, content: bytes) -> Iterator[DecisionEvent]:
        """The events in one record."""
        if self._mark not in content:
            return
        try:
            document = orjson.loads(content)
        except ValueError:
            return
        if isinstance(document, list):
            for item in document:
                event = self._event(item, orjson.dumps(item))
                if event is not None:
                    yield event
            return
        event = self._event(document, content)
        if event is not None:
            yield event

    def _event(self, item: object, content: bytes) -> DecisionEvent | None:
        wire_id = at_path(item, self._id)
        if not isinstance(wire_id, str) or not wire_id.startswith(self._start):
            return None
        decision, refused = read_word(at_path(item, self._decision))
        score = number_of(at_path(item, self._score))
        replay = bool(at_path(item, self._replay)) or at_path(item, _CONFLICT) is not None
        amount = at_path(item, self._amount)
        whole = isinstance(amount, int) and not isinstance(amount, bool) and amount in _INT64
        return DecisionEvent(
            wire_id,
            decision,
            refused,
            score,
            replay,
            hash(content) or 1,
            amount if whole and isinstance(amount, int) else None,
        )


def read_word(value: object) -> tuple[Decision, bool]:
    """A decision, and whether it is a refusal, from the word for it."""
    word = (word_of(value) or "").upper()
    return WORDS.get(word, Decision.NONE), word in REFUSALS
