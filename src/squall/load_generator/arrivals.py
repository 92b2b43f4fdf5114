"""When every arrival of a run is due.

Arrivals are numbered 0, 1, 2 … without gaps. Arrival i has a *threshold* Eᵢ and is due at
Λ⁻¹(Eᵢ): at the instant after which Λ exceeds it.

- **even**: Eᵢ = i. Arrival 0 is due when the rate first rises above 0, the others follow at exact
  spacing, and a profile brings ⌈Λ(T)⌉ of them (5,000 TPS for 60 s: exactly 300,000).
- **poisson**: Eᵢ is the sum of i + 1 independent unit exponentials, which makes the arrivals a
  Poisson process of rate λ(t): independent users, with the clumps that they cause. (Time change of
  a unit process; Çinlar, Introduction to Stochastic Processes, 1975, section 4.7.)

Nothing is due while the rate is 0, however the sums round. Schedules depend on the profile and the
seed only, never on the number of workers: worker k of N takes arrivals i ≡ k (mod N).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.profiles.shape import NOISE, Floats
from squall.models import ArrivalProcess, LoadProfile

Indices = NDArray[np.int64]

_BLOCK = 4096
_KEPT_BLOCKS = 32
_CHUNK = 1024
_STREAM = 0x5351_4152  # keeps these draws apart from others of the same seed


class Thresholds(Protocol):
    """The sequence E₀ ≤ E₁ ≤ … that arrivals wait for."""

    def at(self, indices: Indices) -> Floats:
        """Eᵢ of each index, shape (n,)."""
        ...

    def below(self, level: float) -> int:
        """How many arrivals have a threshold below ``level``."""
        ...


class EvenThresholds:
    """Eᵢ = i."""

    __slots__ = ()

    def at(self, indices: Indices) -> Floats:
        """The index itself; exact up to 2⁵³."""
        return indices.astype(np.float64)

    def below(self, level: float) -> int:
        """⌈level⌉, rounding noise in ``level`` left out."""
        return max(0, math.ceil(level * (1.0 - NOISE)))


class PoissonThresholds:
    """Sums of unit exponentials, in blocks that can be made in any order.

    The sum of a block of B exponentials is Gamma(B) and independent of how it divides among them
    (Lukacs, 1955). So the sums of all blocks are one short seeded series, and a block's inside is
    drawn from its own seed when it is needed, then stretched to its sum: the same process as one
    long sum, with 8 bytes kept per 4,096 arrivals and a bounded number of blocks.
    """

    __slots__ = ("_blocks", "_offsets", "_seed")

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._offsets = np.zeros(1)
        self._blocks: OrderedDict[int, Floats] = OrderedDict()

    def at(self, indices: Indices) -> Floats:
        """Eᵢ of each index, in any order."""
        if not len(indices):
            return np.empty(0)
        which = indices // _BLOCK
        first, last = int(which.min()), int(which.max())
        if first == last:
            return self._block(first)[indices - first * _BLOCK]
        answer = np.empty(len(indices))
        for block in np.unique(which).tolist():
            mine = which == block
            answer[mine] = self._block(block)[indices[mine] - block * _BLOCK]
        return answer

    def below(self, level: float) -> int:
        """How many sums are below ``level``."""
        while self._offsets[-1] < level:
            self._add_offsets()
        block = max(0, int(np.searchsorted(self._offsets, level)) - 1)
        return block * _BLOCK + int(np.searchsorted(self._block(block), level))

    def _block(self, number: int) -> Floats:
        """The thresholds of one block, shape (4096,), from a small cache."""
        block = self._blocks.get(number)
        if block is None:
            while len(self._offsets) <= number + 1:
                self._add_offsets()
            start, end = self._offsets[number], self._offsets[number + 1]
            sums = np.cumsum(self._random(1, number).standard_exponential(_BLOCK))
            block = start + sums * ((end - start) / sums[-1])
            block[-1] = end
            self._blocks[number] = block
            if len(self._blocks) > _KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(number)
        return block

    def _add_offsets(self) -> None:
        """Double the series, so that a long one is not copied often."""
        done = (len(self._offsets) - 1) // _CHUNK
        chunks = [
            self._random(0, chunk).standard_gamma(_BLOCK, _CHUNK)
            for chunk in range(done, 2 * done + 1)
        ]
        sums = np.cumsum(np.concatenate((self._offsets[-1:], *chunks)))
        self._offsets = np.concatenate((self._offsets, sums[1:]))

    def _random(self, kind: int, number: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, _STREAM, kind, number))


def thresholds(arrivals: ArrivalProcess, seed: int) -> Thresholds:
    """The thresholds of an arrival process."""
    return EvenThresholds() if arrivals is ArrivalProcess.EVEN else PoissonThresholds(seed)


class Timetable(Protocol):
    """Anything that knows when arrivals are due."""

    def due(self, indices: Indices) -> Floats:
        """Due times in seconds from the start; infinite for arrivals that never come."""
        ...

    def total_at_end(self) -> int:
        """How many arrivals come in all."""
        ...


class Schedule:
    """The timetable of a profile left alone; ``RateController`` is the one that can be steered."""

    __slots__ = ("_profile", "_thresholds", "_total")

    def __init__(self, profile: LoadProfile, arrivals: ArrivalProcess, seed: int) -> None:
        self._profile = profile
        self._thresholds = thresholds(arrivals, seed)
        self._total = self._thresholds.below(profile.total)

    def due(self, indices: Indices) -> Floats:
        """Λ⁻¹(Eᵢ) in seconds from the profile's start; infinite from the total on."""
        times = self._profile.inverse(self._thresholds.at(indices))
        return np.where(indices < self._total, np.minimum(times, self._profile.duration_s), np.inf)

    def total_at_end(self) -> int:
        """Arrivals in the whole profile."""
        return self._total


class ArrivalStream:
    """One worker's arrivals in order: ``worker``, ``worker`` + ``workers``, …"""

    __slots__ = ("_next", "_timetable", "_workers")

    def __init__(self, timetable: Timetable, worker: int, workers: int) -> None:
        if not 0 <= worker < workers:
            raise ValueError(f"worker {worker} of {workers}")
        self._timetable = timetable
        self._next = worker
        self._workers = workers

    @property
    def exhausted(self) -> bool:
        """Whether no arrival is left, as the timetable stands now."""
        return self._next >= self._timetable.total_at_end()

    def take(self, count: int) -> tuple[Indices, Floats]:
        """The next ``count`` arrivals, fewer at the end: indices and due times in seconds.

        A due time holds until the timetable is changed; ask its ``due`` again after that. It is
        infinite while the run is paused.
        """
        left = -(-(self._timetable.total_at_end() - self._next) // self._workers)
        taken = max(0, min(count, left))
        indices = self._next + self._workers * np.arange(taken, dtype=np.int64)
        self._next += taken * self._workers
        return indices, self._timetable.due(indices)
