"""Numbers drawn from a query: the same for the same seed, service and query, on any machine."""

from __future__ import annotations

from hashlib import blake2b


def share_of(seed: int, *words: str) -> float:
    """A number in [0, 1) that looks random from one query to the next."""
    text = "\0".join((str(seed), *words)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest()) / 2.0**64
