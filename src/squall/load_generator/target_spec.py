"""What the engine needs of a target: how a request is written and how an answer is read.

``squall.targets`` implements these; the engine knows no target by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from squall.models import Decision, Outcome, Receipt, TransactionBatch
from squall.models.interval import SCORE_BINS


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect. ``ca_file`` and ``verify_tls`` matter only with ``tls``."""

    host: str
    port: int
    tls: bool = False
    verify_tls: bool = True
    ca_file: str | None = None

    @classmethod
    def of_url(cls, url: str, verify_tls: bool = True, ca_file: str | None = None) -> Endpoint:
        """Where a URL leads; without a port to its scheme's own (80, 443)."""
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        port = parts.port or (443 if tls else 80)
        return cls(parts.hostname or "", port, tls, verify_tls, ca_file)

    def __str__(self) -> str:
        """``host:port``, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer, read. ``kind`` names an end other than accepted, for instance ``http_503``."""

    outcome: Outcome
    decision: Decision = Decision.NONE
    score: float | None = None
    kind: str = ""
    wire_id: str | None = None


NO_SCORE = SCORE_BINS
"""The score bin of an answer without a score."""


def pack_end(outcome: int, decision: int = 0, score_bin: int = NO_SCORE) -> int:
    """Outcome, decision and score bin in one integer, as completions are logged."""
    return outcome + 4 * decision + 16 * score_bin


def score_bin(score: float) -> int:
    """The bin of a score on 0 … 1 (clipped, whatever its size)."""
    return min(int(min(max(score, 0.0), 1.0) * SCORE_BINS), SCORE_BINS - 1)


class RequestWriter(Protocol):
    """Writes whole requests, head and body, for a batch."""

    def write(self, batch: TransactionBatch) -> list[bytes | memoryview]:
        """One ready request per transaction, in order."""
        ...


class AnswerReader(Protocol):
    """Reads a complete answer exactly; the reference that every shortcut is held to."""

    def read(self, status: int, body: bytes) -> Reading:
        """What this answer says."""
        ...

    def quick(self, status: int, body: bytes, wire_id: str) -> int:
        """The usual accepted answer as ``pack_end`` integers; −1 sends it to ``read``.

        Must never say anything but what ``read`` would: it only leaves out building a ``Reading``.
        """
        ...


class TargetSpec(Protocol):
    """A picklable description of a target, from which every worker builds its own parts."""

    @property
    def endpoint(self) -> Endpoint:
        """Where to connect."""
        ...

    @property
    def fields(self) -> frozenset[str]:
        """Transaction fields that its requests use."""
        ...

    def writer(self) -> RequestWriter:
        """A request writer."""
        ...

    def reader(self) -> AnswerReader:
        """An answer reader."""
        ...


Seal = Callable[[bytes | bytearray | memoryview], bytes]
"""Makes a whole request of what a writer wrote, as it is written to the connection."""


@runtime_checkable
class SealedTargetSpec(TargetSpec, Protocol):
    """A target whose requests carry something of the moment of their write, such as a signature."""

    def seal(self) -> Seal:
        """What completes its writer's requests; one per worker."""
        ...


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How much one call may carry, and how long the oldest transaction waits for company."""

    records: int
    bytes: int
    record_bytes: int
    """A larger record travels alone, so that its refusal concerns no other."""
    linger_s: float


@dataclass(frozen=True, slots=True)
class CallReading:
    """The answer to a call with many records, read.

    ``outcome`` is that of all records that are not in ``refused``; ``kind`` names it where it is
    not accepted. ``again``: what was refused may be sent again.
    """

    outcome: Outcome
    kind: str = ""
    refused: Mapping[int, str] = field(default_factory=dict)
    """Definitely refused records: kind by position in the call."""
    again: bool = False
    receipts: tuple[Receipt, ...] = ()


class RecordCalls(Protocol):
    """Puts many transactions into one call and reads its answer. One object per worker."""

    @property
    def limits(self) -> CallLimits:
        """What a call may carry."""
        ...

    def request(
        self, records: Sequence[bytes | memoryview]
    ) -> Sequence[bytes | bytearray | memoryview]:
        """The whole request for these records (what the writer wrote), as buffers in order."""
        ...

    def read(self, status: int, body: bytes, count: int) -> CallReading:
        """What the answer to a call of ``count`` records says."""
        ...

    def sample_answer(self, count: int) -> bytes:
        """A whole response that accepts ``count`` records, for calibration."""
        ...


@runtime_checkable
class RecordTargetSpec(TargetSpec, Protocol):
    """A target that takes many transactions in one call.

    Its writer writes records instead of requests. It acknowledges them before they are decided.
    """

    def calls(self) -> RecordCalls:
        """What puts records into calls."""
        ...


@runtime_checkable
class DeferringTargetSpec(TargetSpec, Protocol):
    """A target that takes single requests and may acknowledge them before they are decided."""

    @property
    def decides_later(self) -> bool:
        """Whether its accepted answers are acknowledgements."""
        ...


def decides_later(target: TargetSpec) -> bool:
    """Whether an accepted answer is an acknowledgement, and the decision comes another way."""
    if isinstance(target, RecordTargetSpec):
        return True
    return isinstance(target, DeferringTargetSpec) and target.decides_later
