"""Client request tokens of transactions: the same one again does nothing again."""

from __future__ import annotations

from collections import deque
from hashlib import blake2b

from cloud_twin.clock import Clock
from cloud_twin.errors import AwsError

KEPT_S = 600
"""Source: TransactWriteItems, ClientRequestToken: valid for ten minutes after the request."""
_BUCKET_S = 30


class TokensSeen:
    """Tokens of at least the last ten minutes with a digest of what they came with.

    They are kept and forgotten by the half minute.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: deque[tuple[float, dict[str, bytes]]] = deque()  # newest first

    @staticmethod
    def digest(content: bytes) -> bytes:
        """Tells requests apart."""
        return blake2b(content, digest_size=12).digest()

    def repeats(self, token: str, digest: bytes) -> bool:
        """Whether this very request was carried out before.

        Raises AwsError where the token came with other parameters.
        """
        self._forget()
        for _, digests in self._buckets:
            seen = digests.get(token)
            if seen == digest:
                return True
            if seen is not None:
                raise AwsError(
                    "IdempotentParameterMismatchException",
                    "The token was used with other parameters before",
                )
        return False

    def add(self, token: str, digest: bytes) -> None:
        """The request was carried out."""
        now_s = self._clock.monotonic_s()
        if not self._buckets or self._buckets[0][0] + _BUCKET_S <= now_s:
            self._buckets.appendleft((now_s, {}))
        self._buckets[0][1][token] = digest

    def _forget(self) -> None:
        oldest_s = self._clock.monotonic_s() - KEPT_S - _BUCKET_S
        while self._buckets and self._buckets[-1][0] < oldest_s:
            self._buckets.pop()
