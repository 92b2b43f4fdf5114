"""Which records go to the function next, and what follows from its answer. No I/O.

A *lane* is a sequence of records that must be worked on in order: a shard, or the part of a
shard's partition keys that one of its parallel batches has. At any moment one *piece* of a lane is
with the function. A failed piece goes back to the front, whole, in halves, or from the first
failed record on; a piece that has used up its retries or its age is discarded.

    ready ──take──▶ with the function ──succeeded──▶ done
      ▲                   │ failed, partly_failed
      └───────────────────┴──▶ discarded (to the failure destination)

Splitting takes nothing from the retry quota:
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
AGE_EXCEEDED = "RecordAgeExceeded"


@dataclass(frozen=True, slots=True)
class Item:
    """One record. ``text`` is its part of the event, ``ordinal`` its place in the shard."""

    ordinal: int
    sequence_number: str
    arrived_wall_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What a mapping's settings say about batches and failures.

    ``retries_max`` and ``age_s_max`` are None for unlimited.
    """

    batch_size: int = 100
    batch_bytes: int = 6 * 1024 * 1024
    window_s: float = 0.0
    bisect: bool = False
    retries_max: int | None = None
    age_s_max: float | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive records of a lane that go to the function together.

    ``retries`` counts against the quota; ``invokes`` is how often the function has had it, and
    ``refusals`` how often it was not let in with it.
    """

    items: tuple[Item, ...]
    retries: int = 0
    invokes: int = 0
    refusals: int = 0

    @property
    def attempt(self) -> int:
        """Number of the next try, from 1."""
        return self.invokes + self.refusals + 1


@dataclass(frozen=True, slots=True)
class Discard:
    """Records that are given up, and why."""

    items: tuple[Item, ...]
    condition: str
    invokes: int


class Lane:
    """The records of one lane that are not done, in order."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._fresh: deque[Item] = deque()
        self._fresh_bytes = 0
        self._since_s = 0.0
        self._pieces: deque[Piece] = deque()
        self._taken: Piece | None = None

    def push(self, items: Iterable[Item], now_s: float) -> None:
        """Records that follow the ones already there."""
        if not self._fresh:
            self._since_s = now_s
        for item in items:
            self._fresh.append(item)
            self._fresh_bytes += len(item.text) + 1

    def __len__(self) -> int:
        taken = 0 if self._taken is None else len(self._taken.items)
        return taken + sum(len(piece.items) for piece in self._pieces) + len(self._fresh)

    def waiting(self) -> tuple[int, int]:
        """Records and bytes that have not been in a piece yet."""
        return len(self._fresh), self._fresh_bytes

    def first_ordinal(self) -> int | None:
        """Of the first record that is not done."""
        if self._taken is not None:
            return self._taken.items[0].ordinal
        if self._pieces:
            return self._pieces[0].items[0].ordinal
        return self._fresh[0].ordinal if self._fresh else None

    def pending(self) -> list[Item]:
        """All records that are not done, in order."""
        pieces = [*([self._taken] if self._taken else []), *self._pieces]
        return [*(item for piece in pieces for item in piece.items), *self._fresh]

    # --- giving out -----------------------------------------------------------------------

    def due_in_s(self, now_s: float) -> float | None:
        """Seconds until there is something to take; 0 for now, None for nothing in sight."""
        assert self._taken is None, "one piece at a time"
        if self._pieces:
            return 0.0
        if not self._fresh:
            return None
        if len(self._fresh) >= self._policy.batch_size:
            return 0.0
        if self._fresh_bytes >= self._policy.batch_bytes:
            return 0.0
        return max(0.0, self._since_s + self._policy.window_s - now_s)

    def take(self, now_s: float) -> Piece:
        """The next piece; only where ``due_in_s`` is 0. Then settle it before the next."""
        assert self._taken is None, "one piece at a time"
        piece = self._pieces.popleft() if self._pieces else self._fresh_piece(now_s)
        self._taken = piece
        return piece

    def _fresh_piece(self, now_s: float) -> Piece:
        items: list[Item] = []
        size = 0
        while self._fresh and len(items) < self._policy.batch_size:
            length = len(self._fresh[0].text) + 1
            if items and size + length > self._policy.batch_bytes:
                break
            size += length
            items.append(self._fresh.popleft())
        self._fresh_bytes -= size
        self._since_s = now_s
        return Piece(tuple(items))

    # --- settling -------------------------------------------------------------------------

    def too_old(self, now_wall_s: float) -> Discard | None:
        """Give up the leading records of the taken piece that are past the age limit.

        The rest stays taken; where nothing is left, the piece is settled.
        """
        piece, limit_s = self._settling(), self._policy.age_s_max
        if limit_s is None:
            return None
        count = 0
        for item in piece.items:
            if now_wall_s - item.arrived_wall_s <= limit_s:
                break
            count += 1
        if count == 0:
            return None
        rest = piece.items[count:]
        self._taken = replace(piece, items=rest) if rest else None
        return Discard(piece.items[:count], AGE_EXCEEDED, piece.invokes)

    @property
    def taken(self) -> Piece | None:
        """The piece that is with the function."""
        return self._taken

    def succeeded(self) -> None:
        """The taken piece is done."""
        self._settling()
        self._taken = None

    def put_back(self) -> None:
        """The function was not reached (throttled): the same again, at no cost."""
        piece = self._settling()
        self._pieces.appendleft(replace(piece, refusals=piece.refusals + 1))
        self._taken = None

    def failed(self) -> Discard | None:
        """The function failed on the taken piece."""
        piece = self._settling()
        self._taken = None
        invokes = piece.invokes + 1
        if self._policy.bisect and len(piece.items) > 1:
            middle = len(piece.items) // 2
            halves = piece.items[:middle], piece.items[middle:]
            self._pieces.extendleft(
                Piece(half, piece.retries, invokes) for half in reversed(halves)
            )
            return None
        return self._again(piece.items, piece.retries, invokes)

    def partly_failed(self, first: int) -> Discard | None:
        """The function did the records before index ``first`` and reports that one as failed."""
        piece = self._settling()
        if first == 0:
            return self.failed()
        self._taken = None
        rest = piece.items[first:]
        if self._policy.bisect:
            self._pieces.appendleft(Piece(rest, piece.retries, piece.invokes + 1))
            return None
        return self._again(rest, piece.retries, piece.invokes + 1)

    def _again(self, items: tuple[Item, ...], retries: int, invokes: int) -> Discard | None:
        limit = self._policy.retries_max
        if limit is not None and retries >= limit:
            return Discard(items, RETRIES_EXHAUSTED, invokes)
        self._pieces.appendleft(Piece(items, retries + 1, invokes))
        return None

    def _settling(self) -> Piece:
        assert self._taken is not None, "nothing is with the function"
        return self._taken


def retry_delay_s(retry: int, least_s: float, most_s: float) -> float:
    """Before retry number ``retry`` (from 1): doubling, bounded."""
    return float(min(most_s, least_s * 2.0 ** min(retry - 1, 30)))
