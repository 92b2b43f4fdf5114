"""One queue: who may get which message when."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from cloud_twin.clock import Clock
from cloud_twin.services.sqs.attributes import QueueSettings
from cloud_twin.services.sqs.message import Message, State

EXPIRY_S = 60.0
"""How often a queue looks for messages past their retention; receivers do not get them anyway."""


class Queue:
    """Messages are visible (in order), or hidden until a time: delayed or in flight."""

    def __init__(
        self, name: str, arn: str, region: str, settings: QueueSettings, clock: Clock
    ) -> None:
        self.name = name
        self.arn = arn
        self.region = region
        self.settings = settings
        self.tags: dict[str, str] = {}
        self.created_s = int(clock.wall_s())
        self.modified_s = self.created_s
        self.purged_at_s: float | None = None
        self.messages: dict[str, Message] = {}
        self.in_flight = 0
        self.delayed = 0
        self._clock = clock
        self._visible: deque[Message] = deque()
        self._hidden: list[tuple[float, int, Message]] = []
        self._hidden_count = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._expired_at_s = clock.monotonic_s()

    # --- counts ---------------------------------------------------------------------------

    @property
    def visible(self) -> int:
        """How many messages a receiver could get now."""
        self.settle()
        return len(self.messages) - self.in_flight - self.delayed

    def oldest_age_s(self) -> float:
        """Age of the oldest message; 0 for an empty queue."""
        sent_ms = min((message.sent_ms for message in self.messages.values()), default=None)
        return 0.0 if sent_ms is None else max(0.0, self._clock.wall_s() - sent_ms / 1000)

    # --- putting --------------------------------------------------------------------------

    def put(self, message: Message, delay_s: float = 0.0) -> None:
        """Add a message, visible after ``delay_s``."""
        self.messages[message.message_id] = message
        if delay_s > 0:
            message.state = State.DELAYED
            self.delayed += 1
            self._hide(message, delay_s)
        else:
            self._show(message)

    # --- taking ---------------------------------------------------------------------------

    def take(
        self, most: int, visibility_s: float, exceeded: Callable[[Message], None]
    ) -> list[Message]:
        """Give up to ``most`` visible messages to a receiver, hidden from others.

        A message that has been received as often as the redrive policy allows is taken out and
        handed to ``exceeded`` instead.
        """
        self.settle()
        taken: list[Message] = []
        redrive = self.settings.redrive
        while len(taken) < most and self._visible:
            message = self._visible.popleft()
            if message.state is not State.VISIBLE:
                continue
            if self._is_expired(message):
                self.remove(message)
            elif redrive is not None and message.receive_count >= redrive.max_receive_count:
                self.remove(message)
                exceeded(message)
            else:
                self._give(message, visibility_s)
                taken.append(message)
        return taken

    def take_out(self, most: int) -> Iterator[Message]:
        """Remove up to ``most`` visible messages, in order: for moving them elsewhere."""
        self.settle()
        while most > 0 and self._visible:
            message = self._visible.popleft()
            if message.state is State.VISIBLE:
                self.remove(message)
                most -= 1
                yield message

    def _give(self, message: Message, visibility_s: float) -> None:
        now_s = self._clock.monotonic_s()
        message.receive_count += 1
        message.total_receive_count += 1
        message.receipt_handle = f"{message.message_id}/{uuid.uuid4()}"
        message.received_at_s = now_s
        if message.first_received_ms is None:
            message.first_received_ms = int(self._clock.wall_s() * 1000)
        message.state = State.IN_FLIGHT
        self.in_flight += 1
        self._hide(message, visibility_s)

    # --- afterwards -----------------------------------------------------------------------

    def by_handle(self, handle: str) -> Message | None:
        """The message that a receipt handle was given for, whether or not it is the latest."""
        self.settle()
        return self.messages.get(handle.partition("/")[0])

    def remove(self, message: Message) -> None:
        """Take a message out for good."""
        if message.state is State.IN_FLIGHT:
            self.in_flight -= 1
        elif message.state is State.DELAYED:
            self.delayed -= 1
        message.state = State.GONE
        self.messages.pop(message.message_id, None)

    def hide_for(self, message: Message, visibility_s: float) -> None:
        """Give an in-flight message another visibility timeout, from now on."""
        if visibility_s > 0:
            self._hide(message, visibility_s)
        else:
            self.in_flight -= 1
            self._show(message)

    def purge(self) -> None:
        """Remove everything."""
        for message in tuple(self.messages.values()):
            self.remove(message)

    def settle(self) -> None:
        """Show what is due; forget what is past its retention."""
        now_s = self._clock.monotonic_s()
        while self._hidden and self._hidden[0][0] <= now_s:
            due_s, _, message = heappop(self._hidden)
            if message.visible_at_s != due_s or message.state in (State.VISIBLE, State.GONE):
                continue  # its timeout was changed, or it is gone
            if message.state is State.IN_FLIGHT:
                self.in_flight -= 1
            else:
                self.delayed -= 1
            self._show(message)
        if now_s - self._expired_at_s >= EXPIRY_S:
            self._expired_at_s = now_s
            for message in [one for one in self.messages.values() if self._is_expired(one)]:
                self.remove(message)

    def _is_expired(self, message: Message) -> bool:
        return self._clock.wall_s() - message.sent_ms / 1000 > self.settings.retention_s

    def _hide(self, message: Message, for_s: float) -> None:
        message.visible_at_s = self._clock.monotonic_s() + for_s
        self._hidden_count += 1
        heappush(self._hidden, (message.visible_at_s, self._hidden_count, message))
        if self._hidden[0][2] is message:
            self.wake()  # who waits learns of an earlier time

    def _show(self, message: Message) -> None:
        message.state = State.VISIBLE
        self._visible.append(message)
        self.wake()

    # --- waiting --------------------------------------------------------------------------

    def wake(self) -> None:
        """Let every receiver that waits look again."""
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def woken(self, timeout_s: float) -> None:
        """Until something may have become visible, or for ``timeout_s``."""
        if self._hidden:
            due_s = self._hidden[0][0] - self._clock.monotonic_s()
            timeout_s = min(timeout_s, max(0.0, due_s))
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await asyncio.wait((waiter,), timeout=timeout_s)
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
