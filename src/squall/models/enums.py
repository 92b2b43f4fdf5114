"""The closed sets of words that scenarios, results and reports share."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class TestStatus(StrEnum):
    """Where a run is; the allowed steps between them are in ``orchestrator.state``."""

    __test__ = False  # not a test case, whatever pytest thinks of the name

    CREATED = "created"
    PREPARING = "preparing"
    RUNNING = "running"
    PAUSED = "paused"
    DRAINING = "draining"
    RECONCILING = "reconciling"
    COMPLETED = "completed"
    FAILED = "failed"
    ABORTED = "aborted"


class Verdict(StrEnum):
    """What a finished run says about its target."""

    PASSED = "passed"
    FAILED = "failed"
    INVALID = "invalid"
    """The generator was the limit: nothing is said about the target."""
    ABORTED = "aborted"
    NOT_JUDGED = "not_judged"

    @property
    def exit_status(self) -> int:
        """The command line's exit status for this verdict."""
        return {"passed": 0, "failed": 1, "invalid": 3, "aborted": 4, "not_judged": 0}[self.value]


class LoadProfileType(StrEnum):
    """The shapes a load can take."""

    RAMP_UP = "ramp_up"
    SUSTAINED = "sustained"
    BURST = "burst"
    WAVE = "wave"
    CHAOS = "chaos"
    SEQUENCE = "sequence"
    SUM = "sum"
    SCALE = "scale"


class ArrivalProcess(StrEnum):
    """How arrivals are spaced around the rate."""

    EVEN = "even"
    POISSON = "poisson"


class FailureType(StrEnum):
    """The kinds of failure that can be injected while load runs."""

    FUNCTION_FAILURE = "function_failure"
    STORE_THROTTLING = "store_throttling"
    NETWORK_LATENCY = "network_latency"
    MODEL_RATE_LIMIT = "model_rate_limit"
    STREAM_LAG = "stream_lag"
    PROCESS_KILL = "process_kill"


class DegradationLevel(IntEnum):
    """How far a system has degraded; larger is worse."""

    NONE = 0
    MODERATE = 1
    SEVERE = 2
    CRITICAL = 3


class Outcome(IntEnum):
    """The one state in which every planned transaction ends."""

    ACCEPTED = 0
    """The target answered with a decision."""
    REJECTED = 1
    """The target definitely refused it."""
    INDETERMINATE = 2
    """Written, but no usable answer: timeout, broken connection, server error, unreadable body."""
    NOT_SENT = 3
    """Never written: the queue was full, no connection could be made, or the run was stopped."""


class Decision(IntEnum):
    """What the target decided about one transaction."""

    NONE = 0
    APPROVE = 1
    REVIEW = 2
    DECLINE = 3


class Label(IntEnum):
    """The hidden ground truth of one transaction."""

    LEGITIMATE = 0
    FRAUD = 1
    EDGE_CASE = 2
    UNKNOWN = 3
    """Nobody said: a row without a label of a replayed file."""


class Typology(IntEnum):
    """Fraud typologies (``docs/fraud.md`` describes each signature); 0 is no fraud."""

    NONE = 0
    CARD_TESTING = 1
    ACCOUNT_TAKEOVER = 2
    IMPOSSIBLE_TRAVEL = 3
    VELOCITY_BURST = 4
    BUST_OUT = 5
    SYNTHETIC_IDENTITY = 6
    MERCHANT_COLLUSION = 7
    STRUCTURING = 8
    MULE_NETWORK = 9
    REFUND_ABUSE = 10
    GIFT_CARDS = 11
    PUSH_PAYMENT_SCAM = 12
    FRIENDLY_FRAUD = 13


class Expected(IntEnum):
    """What the target should do with a transaction, decision apart."""

    DECIDED = 0
    """Answer with a decision."""
    REJECTED = 1
    """Refuse it: invalid."""
    REPLAYED = 2
    """Answer with the earlier decision: same id, same body."""
    CONFLICT = 3
    """Refuse it: same id, another body."""


class Severity(StrEnum):
    """How serious a finding is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
