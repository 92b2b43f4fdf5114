"""Transactions that are sent to the function itself, without the stream."""

from __future__ import annotations

from typing import Any

import orjson

from fraud_platform.stream.decision import Outcome
from fraud_platform.stream.envelope import Arrival, content_digest
from fraud_platform.stream.processor import Processor
from fraud_platform.wire.answers import error_body
from fraud_platform.wire.validation import Problem, Refusal, Validator


def answer_directly(event: Any, validator: Validator, processor: Processor, now_s: float) -> Any:
    """The answer to a transaction, or the list of answers to a list, as over HTTP.

    A transaction that cannot be read is answered with its problems. Raises ``StoreError``.
    """
    documents = event if isinstance(event, list) else [event]
    answers: list[Any] = [None] * len(documents)
    arrivals: list[Arrival] = []
    places: dict[tuple[str, bytes], list[int]] = {}
    for place, document in enumerate(documents):
        text = orjson.dumps(document)
        read = validator.read(document, content_digest(document), now_s, b"\\" in text)
        if isinstance(read, Refusal):
            answers[place] = orjson.loads(error_body(read.problems))
            continue
        arrivals.append(Arrival(read, now_s))
        places.setdefault((read.transaction_id, read.digest), []).append(place)
    for outcome in processor.decide_directly(arrivals):
        digest = outcome.conflict if outcome.conflict is not None else outcome.decision.digest
        waiting = places[(outcome.decision.transaction_id, digest)]
        answers[waiting.pop(0)] = _answer(outcome)
    return answers if isinstance(event, list) else answers[0]


def _answer(outcome: Outcome) -> Any:
    if outcome.conflict is not None:
        problem = Problem(
            "id_reused", "this id was used before with another content", "transaction_id"
        )
        return orjson.loads(error_body([problem]))
    answer = orjson.loads(outcome.decision.answer)
    if outcome.replay:
        answer["replay"] = True
    return answer
