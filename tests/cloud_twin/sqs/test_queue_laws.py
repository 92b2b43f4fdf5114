"""Laws of a queue: no message given to two receivers at a time, none lost, dead after enough."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cloud_twin.clock import ManualClock
from cloud_twin.services.sqs.attributes import QueueSettings, Redrive
from cloud_twin.services.sqs.message import Message, State
from cloud_twin.services.sqs.queue import Queue

VISIBILITY_S = 30.0
MAX_RECEIVES = 3


class QueueMachine(RuleBasedStateMachine):
    """Any order of sends, receives, deletes, timeouts and pauses."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        redrive = Redrive("arn:dead", MAX_RECEIVES)
        self.queue = Queue("q", "arn:q", "us-east-1", QueueSettings(redrive=redrive), self.clock)
        self.sent: set[str] = set()
        self.deleted: set[str] = set()
        self.dead: list[str] = []
        self.held: dict[str, tuple[Message, str, float]] = {}
        """By id: message, its handle, and until when it is hidden."""
        self.receives: Counter[str] = Counter()

    @rule(delay_s=st.sampled_from([0.0, 0.0, 5.0, 60.0]))
    def send(self, delay_s: float) -> None:
        message_id = f"{len(self.sent):036d}"
        self.sent.add(message_id)
        sent_ms = int(self.clock.wall_s() * 1000)
        self.queue.put(Message(message_id, "b", {}, None, None, sent_ms, 1), delay_s)

    @rule(most=st.integers(1, 10), visibility_s=st.sampled_from([0.0, 1.0, VISIBILITY_S]))
    def receive(self, most: int, visibility_s: float) -> None:
        now_s = self.clock.monotonic_s()
        taken = self.queue.take(most, visibility_s, lambda one: self.dead.append(one.message_id))
        assert len(taken) <= most
        for message in taken:
            message_id = message.message_id
            if message_id in self.held:
                assert self.held[message_id][2] <= now_s, "given to two receivers at a time"
            self.receives[message_id] += 1
            assert self.receives[message_id] <= MAX_RECEIVES
            self.held[message_id] = (message, message.receipt_handle, now_s + visibility_s)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if self.held:
            message_id = data.draw(st.sampled_from(sorted(self.held)))
            message, handle, _ = self.held.pop(message_id)
            found = self.queue.by_handle(handle)
            if found is not None:
                assert found is message
                self.queue.remove(found)
                self.deleted.add(message_id)

    @rule(data=st.data(), visibility_s=st.sampled_from([0.0, 2.0, 50.0]))
    def change_visibility(self, data: st.DataObject, visibility_s: float) -> None:
        if self.held:
            message_id = data.draw(st.sampled_from(sorted(self.held)))
            message, handle, _ = self.held[message_id]
            found = self.queue.by_handle(handle)
            if found is not None and found.state is State.IN_FLIGHT:
                self.queue.hide_for(found, visibility_s)
                until_s = self.clock.monotonic_s() + visibility_s
                self.held[message_id] = (message, handle, until_s)

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 30.0, 61.0]))
    def pause(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def nothing_is_lost(self) -> None:
        present = set(self.queue.messages)
        assert present | self.deleted | set(self.dead) == self.sent
        assert len(present) + len(self.deleted) + len(self.dead) == len(self.sent)
        assert all(self.receives[message_id] == MAX_RECEIVES for message_id in self.dead)

    @invariant()
    def counts_add_up(self) -> None:
        visible = self.queue.visible
        states = Counter(message.state for message in self.queue.messages.values())
        assert visible == states[State.VISIBLE]
        assert self.queue.in_flight == states[State.IN_FLIGHT]
        assert self.queue.delayed == states[State.DELAYED]

    def teardown(self) -> None:
        """Whatever happened, a patient receiver gets everything that is left."""
        for _ in range(MAX_RECEIVES + 1):
            self.clock.advance(61)
            while self.queue.take(10, 60, lambda one: self.dead.append(one.message_id)):
                pass
        assert not self.queue.messages
        assert self.deleted | set(self.dead) == self.sent


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
