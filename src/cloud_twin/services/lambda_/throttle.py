"""How many events may run at once, and how many may come in a second."""

from __future__ import annotations

from collections import defaultdict

from cloud_twin.clock import Clock
from cloud_twin.errors import AwsError
from cloud_twin.token_bucket import TokenBucket

UNRESERVED_MIN = 100
"""AWS keeps this much of the account's concurrency for functions without a reservation."""


def throttled(reason: str) -> AwsError:
    """AWS's 429."""
    return AwsError(
        "TooManyRequestsException", "Rate Exceeded.", 429, {"Reason": reason, "Type": "User"}
    )


class Throttle:
    """Reserved and account concurrency, and the request rate that goes with them.

    A function has ten requests a second for each unit of its concurrency:
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html#concurrency-vs-requests-per-second
    """

    def __init__(self, clock: Clock, concurrent_executions: int, requests_per_concurrency_s: float):
        self._clock = clock
        self._account = concurrent_executions
        self._rate = requests_per_concurrency_s
        self._reserved: dict[str, int] = {}
        self._running: defaultdict[str, int] = defaultdict(int)
        self._buckets: dict[str, TokenBucket] = {}

    @property
    def account(self) -> int:
        """The account's concurrency."""
        return self._account

    @property
    def requests_per_concurrency_s(self) -> float:
        """Requests a second for each unit of concurrency."""
        return self._rate

    def set_limits(self, concurrent_executions: int, requests_per_concurrency_s: float) -> None:
        """Change the quotas; what runs already runs on."""
        self._account = concurrent_executions
        self._rate = requests_per_concurrency_s
        self._buckets.clear()

    def unreserved(self) -> int:
        """Concurrency shared by all functions without a reservation."""
        return max(0, self._account - sum(self._reserved.values()))

    def reserved(self, function: str) -> int | None:
        """The function's reservation."""
        return self._reserved.get(function)

    def reserve(self, function: str, concurrency: int) -> None:
        """Set a reservation. Raises ``AwsError`` where too little is left for the others."""
        others = sum(n for name, n in self._reserved.items() if name != function)
        least = min(UNRESERVED_MIN, self._account)
        if concurrency > 0 and self._account - others - concurrency < least:
            raise AwsError(
                "InvalidParameterValueException",
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{least}].",
            )
        self._reserved[function] = concurrency
        self._buckets.clear()  # what one function reserves the others lack

    def unreserve(self, function: str) -> None:
        """Drop a reservation."""
        self._reserved.pop(function, None)
        self._buckets.clear()  # what one function reserves the others lack

    def clear(self) -> None:
        """Forget all reservations."""
        self._reserved.clear()
        self._buckets.clear()

    def running(self, function: str) -> int:
        """Events of the function that run now."""
        return self._running.get(function, 0)

    def room(self, function: str) -> bool:
        """Whether one more event of the function could run now."""
        return self._full(function) is None

    def enter(self, function: str) -> int:
        """One more event runs; how many do now. Raises ``AwsError`` (429)."""
        full = self._full(function)
        if full is not None:
            raise throttled(full)
        bucket = self._buckets.get(function)
        reserved = self._reserved.get(function)
        if bucket is None:
            rate = self._rate * (self.unreserved() if reserved is None else reserved)
            bucket = self._buckets[function] = TokenBucket(rate, rate, self._clock)
        if not bucket.take():
            prefix = "Function" if reserved is None else "ReservedFunction"
            raise throttled(f"{prefix}InvocationRateLimitExceeded")
        self._running[function] += 1
        return self._running[function]

    def leave(self, function: str) -> None:
        """One event is done."""
        self._running[function] -= 1
        if self._running[function] == 0:
            del self._running[function]

    def _full(self, function: str) -> str | None:
        reserved = self._reserved.get(function)
        if reserved is not None:
            full = self._running.get(function, 0) >= reserved
            return "ReservedFunctionConcurrentInvocationLimitExceeded" if full else None
        shared = sum(n for name, n in self._running.items() if name not in self._reserved)
        return "ConcurrentInvocationLimitExceeded" if shared >= self.unreserved() else None
