from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from tests.fraud_platform.documents import transaction

from fraud_platform.agents.coordinator import Coordinator
from fraud_platform.agents.disturbance import Disturbance, DisturbanceBook, DisturbedAgent
from fraud_platform.agents.panel import Panel
from fraud_platform.agents.runner import AgentRunner
from fraud_platform.core.committer import Committer
from fraud_platform.core.engine import Answer, Arrival, DecisionEngine
from fraud_platform.core.inflight import InFlight
from fraud_platform.core.verdicts import detail_body
from fraud_platform.errors import StoreError
from fraud_platform.learning.model import AGENTS, LearnedModel
from fraud_platform.state.features import FeatureExtractor
from fraud_platform.store.reader import DecisionReader
from fraud_platform.store.records import Record
from fraud_platform.store.schema import open_for_reading, open_for_writing
from fraud_platform.store.seen import SeenIds
from fraud_platform.store.writer import DecisionWriter
from fraud_platform.wire.transaction import Transaction


@dataclass
class Recorder:
    """A sink that commits when told to, as a storage thread would some time later."""

    in_flight: InFlight
    writer: DecisionWriter
    waiting: list[Record] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def commit(self, records: Sequence[Record]) -> None:
        self.waiting += records

    def answer(self, answers: Sequence[Answer]) -> None:
        self.answers += answers

    def store(self) -> None:
        committer = Committer(self.writer, self.in_flight, self.answer)
        committer.commit(list(self.waiting))
        self.waiting.clear()
        committer.close()

    def take(self) -> dict[int, Answer]:
        """Answers so far by the token they are for."""
        taken = {answer.origin[1]: answer for answer in self.answers}
        assert len(taken) == len(self.answers), "one answer each"
        self.answers.clear()
        return taken


@dataclass
class Rig:
    """An engine on a real store."""

    engine: DecisionEngine
    sink: Recorder
    reader: DecisionReader
    token: int = 0

    def decide(self, *transactions: Transaction) -> list[int]:
        """Hand in a batch; the tokens given to it."""
        arrivals: list[Arrival] = []
        for one in transactions:
            self.token += 1
            arrivals.append(((1, self.token), one))
        self.engine.decide(arrivals)
        return [origin[1] for origin, _ in arrivals]

    def settle(self, *transactions: Transaction) -> list[Answer]:
        """Hand in a batch, store it, and return its answers in order."""
        tokens = self.decide(*transactions)
        self.sink.store()
        answers = self.sink.take()
        return [answers[token] for token in tokens]


def make_rig(model: LearnedModel, folder: Path, *disturbances: Disturbance) -> Rig:
    writer = DecisionWriter(open_for_writing(folder))
    reader = DecisionReader(open_for_reading(folder))
    seen = SeenIds()
    for ids in reader.ids():
        seen.add(ids)
    in_flight = InFlight(seen)
    sink = Recorder(in_flight, writer)
    book = DisturbanceBook(disturbances)
    runners = [AgentRunner(DisturbedAgent(agent, book)) for agent in model.agents()]
    # Only a disturbed agent may be late: the deadline is generous where none is.
    late = any(one.delay_s for one in disturbances)
    engine = DecisionEngine(
        FeatureExtractor(model.scales),
        Panel(runners, deadline_s=0.25 if late else 20.0),
        Coordinator(model.weights),
        in_flight,
        reader,
        sink,
    )
    return Rig(engine, sink, reader)


@pytest.fixture
def rig(model: LearnedModel, tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(model, tmp_path)
    yield made
    made.engine.panel.close()


def code(answer: Answer) -> str:
    return str(orjson.loads(answer.body)["error"]["code"])


def test_every_transaction_gets_one_decision(rig: Rig) -> None:
    answers = rig.settle(*[transaction(number) for number in range(40)])
    assert [answer.status for answer in answers] == [200] * 40
    ids = [orjson.loads(answer.body)["transaction_id"] for answer in answers]
    assert ids == [transaction(number).transaction_id for number in range(40)]
    assert rig.reader.count() == 40
    assert len(rig.engine.in_flight) == 0


def test_nothing_is_answered_before_it_is_stored(rig: Rig) -> None:
    rig.decide(transaction(1))
    assert rig.sink.take() == {}
    rig.sink.store()
    assert rig.reader.stored(transaction(1).transaction_id) is not None
    assert len(rig.sink.take()) == 1


def test_the_same_again_gets_the_same_bytes(rig: Rig) -> None:
    same = transaction(1)
    first, second = rig.settle(same), rig.settle(same)
    assert second[0].replay
    assert not first[0].replay
    assert second[0].body == first[0].body
    assert rig.reader.count() == 1


def test_a_repetition_in_flight_waits_for_the_first(rig: Rig) -> None:
    same = transaction(1)
    first, again = rig.decide(same, same)
    (later,) = rig.decide(same)
    assert rig.sink.take() == {}
    rig.sink.store()
    answers = rig.sink.take()
    assert [answers[token].replay for token in (first, again, later)] == [False, True, True]
    assert len({answer.body for answer in answers.values()}) == 1
    assert rig.reader.count() == 1


def test_another_content_under_the_same_id_is_refused(rig: Rig) -> None:
    first, other = transaction(1), transaction(1)._replace(digest=b"another digest!!", amount=1)
    answers = rig.settle(first, other)
    assert [answer.status for answer in answers] == [200, 409]
    assert code(answers[1]) == "id_reused"
    assert rig.settle(other)[0].status == 409


def test_odd_ids_beyond_what_is_remembered_are_looked_up(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is unknown whether an id was seen, everything is still answered once."""
    monkeypatch.setattr(SeenIds, "maybe", lambda _, __: True)
    odd = transaction(1)._replace(transaction_id="an odd id")
    other = odd._replace(digest=b"another digest!!")
    answers = rig.settle(odd, odd, other)
    assert [(answer.status, answer.replay) for answer in answers] == [
        (200, False),
        (200, True),
        (409, False),
    ]
    assert rig.settle(odd)[0].replay


def refund(number: int, original: Transaction, **changes: object) -> Transaction:
    made = transaction(number, type="refund", original_transaction_id=original.transaction_id)
    made = made._replace(user=original.user, amount=original.amount)
    return made._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("stored", [False, True])
def test_refunds_are_checked_against_their_purchase(rig: Rig, stored: bool) -> None:
    """Whether the purchase is stored already or still on its way."""
    bought = [transaction(number) for number in range(5)]
    claims = [
        refund(10, bought[0]),
        refund(11, bought[0]),
        refund(12, bought[1], user="somebody else"),
        refund(13, bought[2], amount=bought[2].amount + 1),
        refund(14, bought[3], currency="USD"),
        refund(15, transaction(999)),
        refund(16, bought[4], amount=1000),
        refund(17, bought[4], amount=250),
        refund(18, bought[4], amount=1),
    ]
    if stored:
        rig.settle(*bought)
        answers = rig.settle(*claims)
    else:
        answers = rig.settle(*bought, *claims)[5:]
    assert [200 if a.status == 200 else code(a) for a in answers] == [
        200,
        "already_refunded",
        "original_not_found",
        "refund_above_original",
        "refund_currency_differs",
        "original_not_found",
        200,
        200,
        "already_refunded",
    ]


def test_a_second_refund_is_refused_after_the_first_is_stored(rig: Rig) -> None:
    bought = transaction(1)
    rig.settle(bought)
    assert rig.settle(refund(2, bought))[0].status == 200
    assert code(rig.settle(refund(3, bought))[0]) == "already_refunded"
    assert code(rig.settle(refund(4, refund(2, bought)))[0]) == "original_not_found"


def test_a_refused_refund_may_be_tried_again(rig: Rig) -> None:
    bought, early = transaction(1), refund(2, transaction(1))
    first, again = rig.settle(early, early)
    assert (code(first), code(again)) == ("original_not_found", "original_not_found")
    assert len(rig.engine.in_flight) == 0
    rig.settle(bought)
    assert rig.settle(early)[0].status == 200


def test_everything_is_known_again_after_a_restart(
    rig: Rig, model: LearnedModel, tmp_path: Path
) -> None:
    bought = transaction(1)
    first = rig.settle(bought)[0]
    rig.settle(refund(2, bought))
    rig.sink.writer.close()
    reborn = make_rig(model, tmp_path)
    again = reborn.settle(bought)[0]
    assert (again.replay, again.body) == (True, first.body)
    assert code(reborn.settle(refund(3, bought))[0]) == "already_refunded"
    reborn.engine.panel.close()


def test_a_store_that_cannot_be_written_means_503_and_then_recovery(rig: Rig) -> None:
    class Full(DecisionWriter):
        def append(self, records: Sequence[Record]) -> None:
            raise StoreError("the decision store cannot be written: database or disk is full")

    good, rig.sink.writer = rig.sink.writer, Full(sqlite3.connect(":memory:"))
    answers = rig.settle(transaction(1), transaction(1), transaction(2))
    assert [answer.status for answer in answers] == [503, 503, 503]
    assert code(answers[0]) == "store_unavailable"
    rig.sink.writer = good
    assert [answer.status for answer in rig.settle(transaction(1), transaction(2))] == [200, 200]


def test_a_batch_that_cannot_be_judged_does_no_harm_to_the_next(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ArithmeticError("out of bounds")

    with monkeypatch.context() as patched:
        patched.setattr(rig.engine.extractor, "observe", broken)
        answers = rig.settle(transaction(1), transaction(1))
    assert [(answer.status, code(answer)) for answer in answers] == [(503, "decision_failed")] * 2
    assert len(rig.engine.in_flight) == 0
    assert rig.settle(transaction(1))[0].status == 200


@pytest.mark.parametrize(
    "disturbance",
    [Disturbance("pattern_detector", delay_s=5.0), Disturbance("pattern_detector", fails=True)],
)
def test_a_slow_or_failing_agent_is_replaced(
    model: LearnedModel, tmp_path: Path, disturbance: Disturbance
) -> None:
    rig = make_rig(model, tmp_path, disturbance)
    answers = rig.settle(*[transaction(number) for number in range(5)])
    assert [answer.status for answer in answers] == [200] * 5
    assert "R90" in orjson.loads(answers[0].body)["reason_codes"]
    found = rig.reader.detail(transaction(0).transaction_id)
    assert found is not None
    detail = orjson.loads(detail_body(AGENTS, *found))
    states = {vote["agent"]: vote["state"] for vote in detail["votes"]}
    assert states["pattern_detector"] == ("late" if disturbance.delay_s else "failed")
    assert states["risk_assessor"] == "voted"
    assert rig.engine.coordinator.counters.fallbacks == 5


def test_details_have_votes_and_a_readable_explanation(rig: Rig) -> None:
    tries = [
        transaction(number, device_id="d-x", amount=60, cvv="mismatch", device_age_days=0)
        for number in range(12)
    ]
    answers = rig.settle(*tries)
    assert {orjson.loads(answer.body)["decision"] for answer in answers[4:]} <= {
        "DECLINE",
        "REVIEW",
    }
    found = rig.reader.detail(tries[-1].transaction_id)
    assert found is not None
    detail = orjson.loads(detail_body(AGENTS, *found))
    assert [vote["agent"] for vote in detail["votes"]] == list(AGENTS)
    assert "The device has paid with 12 cards." in detail["explanation"]
    assert detail["reasons"]["R23"] == "device with many cards"
