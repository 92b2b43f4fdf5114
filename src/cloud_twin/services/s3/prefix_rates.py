"""Requests per second and prefix: what S3 answers with SlowDown above.

A prefix is the key up to its last slash. Source: S3 user guide, "Optimizing Amazon S3
performance": at least 3,500 PUT/COPY/POST/DELETE or 5,500 GET/HEAD requests per second per prefix.
"""

from __future__ import annotations

from cloud_twin.clock import Clock
from cloud_twin.token_bucket import TokenBucket

WRITES_S = 3500.0
READS_S = 5500.0
PREFIXES_LIMIT = 10_000
"""Most prefixes watched at once; the one that was first seen longest ago starts afresh."""


class PrefixRates:
    """One bucket of tokens per prefix and kind, good for one second's requests."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.writes_s = WRITES_S
        self.reads_s = READS_S
        self._tokens: dict[tuple[str, str, bool], TokenBucket] = {}

    def admit(self, bucket: str, key: str, writes: bool) -> bool:
        """Whether one more request fits now."""
        known = (bucket, key.rpartition("/")[0], writes)
        tokens = self._tokens.get(known)
        if tokens is None:
            if len(self._tokens) >= PREFIXES_LIMIT:
                del self._tokens[next(iter(self._tokens))]
            rate_s = self.writes_s if writes else self.reads_s
            tokens = self._tokens[known] = TokenBucket(rate_s, max(rate_s, 1.0), self._clock)
        return tokens.take()

    def set(self, writes_s: float, reads_s: float) -> None:
        """New rates, from full buckets."""
        self.writes_s, self.reads_s = writes_s, reads_s
        self._tokens.clear()
