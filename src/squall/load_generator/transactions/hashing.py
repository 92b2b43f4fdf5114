"""Counter-based randomness: every random number is a hash of what it belongs to.

Nothing here has state. A value drawn for (seed, stream, number) is the same in every process and
in every batch, which is what lets any worker make any transaction.

The mixer is "multiply, xor-shift" twice: the golden-ratio step of a Weyl sequence, then half of the
finaliser of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014). The tests check uniformity, independence of streams and of neighbours.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

_GOLDEN = np.array([0x9E3779B97F4A7C15], np.uint64)
_FACTOR = np.array([0xBF58476D1CE4E5B9], np.uint64)
_32 = np.array([32], np.uint64)  # one-element arrays: NumPy converts a scalar on every call
_29 = np.array([29], np.uint64)


def key_of(seed: int, *parts: str | int) -> U64:
    """The key of a stream of a seed, shape (1,)."""
    text = "/".join(str(part) for part in (seed, *parts))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return np.frombuffer(digest, np.uint64).copy()


def finalise(x: U64) -> U64:
    """Mix the bits of ``x`` in place and return it."""
    shifted = x >> _32
    np.bitwise_xor(x, shifted, x)
    np.multiply(x, _FACTOR, x)
    np.right_shift(x, _29, shifted)
    np.bitwise_xor(x, shifted, x)
    return x


def hashed(numbers: I64 | U64, key: U64) -> U64:
    """A hash of each number under a key; same shape as ``numbers``."""
    x = numbers.view(np.uint64) * _GOLDEN
    np.add(x, key, x)
    return finalise(x)


def hashed_streams(numbers: I64, keys: U64) -> U64:
    """Hashes of every number under every key, shape (keys, numbers)."""
    x = np.add.outer(keys, numbers.view(np.uint64) * _GOLDEN)
    return finalise(x)


def joined(hashes: U64, numbers: I64 | U64, key: U64) -> U64:
    """A hash of a pair: something hashed before, and a number."""
    x = numbers.view(np.uint64) * _GOLDEN
    np.add(x, key, x)
    np.bitwise_xor(x, hashes, x)
    return finalise(x)


def varied(hashes: U64, numbers: I64 | U64) -> U64:
    """A cheaper hash of a pair of something hashed before and a small number; 0 … 2³² − 1.

    Use its upper bits: the product carries upwards only.
    """
    x = numbers.view(np.uint64) * _GOLDEN
    np.bitwise_xor(x, hashes, x)
    np.multiply(x, _FACTOR, x)
    return x


def sixteen(hashes: U64, part: int) -> NDArray[np.uint16]:
    """One of the four 16-bit parts of each hash, as a view (0 is the lowest)."""
    return hashes.view(np.uint16)[part::4]


def thirty_two(hashes: U64, part: int) -> NDArray[np.uint32]:
    """One of the two 32-bit halves of each hash, as a view (0 is the lower)."""
    return hashes.view(np.uint32)[part::2]
