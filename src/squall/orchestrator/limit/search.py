"""The search for the highest rate that a target holds: what to try next, and when to stop.

Pure: it is given what has been tried so far and says what follows. It runs nothing.

    ramp ──first failure──▶ bisect ──bracket narrow──▶ confirm ──▶ done
      │                                                   │
      └──highest rate held──▶ confirm ──▶ done            └─refuted──▶ bisect

A single run proves little on a machine with neighbours. So a rate is *judged* by the majority of
``repeats`` runs, and stops being repeated as soon as that is certain; runs that the generator
spoilt are made again. On the way up one passed run is enough to go on, because a pass at a higher
rate says more; a failure is always repeated. The rate that is reported has always been judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Trial(StrEnum):
    """How one run at a rate ended."""

    PASSED = "passed"
    FAILED = "failed"
    INVALID = "invalid"
    """The generator was the limit. No pass, and no evidence against the target either."""


class Judgement(StrEnum):
    """What the runs at one rate come to."""

    HOLDS = "holds"
    BREAKS = "breaks"
    OPEN = "open"
    """More runs are due."""


class SearchPhase(StrEnum):
    """Why a run is made."""

    RAMP = "ramp"
    BISECT = "bisect"
    CONFIRM = "confirm"


class Ending(StrEnum):
    """How a search ended."""

    FOUND = "found"
    AT_MAXIMUM = "at_maximum"
    """The highest rate allowed holds: the limit is there or above."""
    BELOW_MINIMUM = "below_minimum"
    """Not even the lowest rate allowed holds."""
    OUT_OF_RUNS = "out_of_runs"
    STOPPED = "stopped"
    """By the user; what was known then."""


@dataclass(frozen=True, slots=True)
class SearchSpec:
    """Bounds of a search.

    Rates in transactions per second; ``precision`` is the largest width of the final bracket
    relative to its lower end; ``repeats`` is odd. Raises ``ValueError`` for values that make no
    search.
    """

    min_tps: float
    max_tps: float
    precision: float = 0.05
    repeats: int = 3
    growth: float = 2.0
    max_runs: int = 100

    def __post_init__(self) -> None:
        """Check the bounds."""
        if not 0 < self.min_tps <= self.max_tps:
            raise ValueError("the lowest rate must be above 0 and not above the highest rate")
        if not 0 < self.precision <= 1:
            raise ValueError("the precision must be above 0 and at most 100 %")
        if self.repeats < 1 or self.repeats % 2 == 0:
            raise ValueError("repeats must be an odd number: 1, 3, 5, …")
        if self.growth <= 1:
            raise ValueError("the growth must be above 1")
        if self.max_runs < 1:
            raise ValueError("at least one run must be allowed")


@dataclass(frozen=True, slots=True)
class Probe:
    """The next run to make."""

    rate_tps: float
    phase: SearchPhase
    repeat: int
    """1 for the first run at this rate."""


@dataclass(frozen=True, slots=True)
class Bracket:
    """What is known: ``holds_tps`` is held and ``breaks_tps`` is not; None where there is none.

    The confidences are the probabilities that a run at ``holds_tps`` passes, and one at
    ``breaks_tps`` fails, more often than not (see ``majority_confidence``).
    """

    ending: Ending
    holds_tps: float | None
    breaks_tps: float | None
    holds_confidence: float | None
    breaks_confidence: float | None
    limited_by_generator: bool
    """At ``breaks_tps`` more runs were invalid than failed: the target might hold more."""
    contradictory: bool
    """A rate above ``breaks_tps`` was judged to hold: the system changed, or noise won."""

    @property
    def broken_by(self) -> Trial:
        """How the runs ended that decided against ``breaks_tps``."""
        return Trial.INVALID if self.limited_by_generator else Trial.FAILED


Trials = Mapping[float, Sequence[Trial]]
"""Runs so far, by rate in transactions per second."""


def judge(trials: Sequence[Trial], repeats: int) -> Judgement:
    """What more than half of ``repeats`` runs agree on, as soon as they do.

    Invalid runs are made again, so at most 3 · (repeats // 2) + 1 runs are needed. A rate at which
    the generator keeps being the limit cannot be shown to hold, and counts as one that breaks.
    """
    needed = repeats // 2 + 1
    passed, failed, invalid = (sum(trial is kind for trial in trials) for kind in Trial)
    if passed >= needed:
        return Judgement.HOLDS
    if failed >= needed or invalid >= needed:
        return Judgement.BREAKS
    return Judgement.OPEN


def majority_confidence(successes: int, failures: int) -> float:
    """P(p > ½) after ``successes`` and ``failures``, with every p equally likely before.

    The posterior is Beta(s + 1, f + 1); its weight above ½ equals P(B ≤ s) for a binomial B of
    s + f + 1 fair tosses (Gelman et al., Bayesian Data Analysis, section 2.4).
    """
    tosses = successes + failures + 1
    ways = sum(math.comb(tosses, k) for k in range(successes + 1))
    return float(ways / 2**tosses)


def next_step(spec: SearchSpec, trials: Trials) -> Probe | Bracket:
    """The run to make after these, or the answer."""
    if sum(len(runs) for runs in trials.values()) >= spec.max_runs:
        return summarise(spec, trials, Ending.OUT_OF_RUNS)
    holds, breaks = _bounds(spec, trials)
    doubtful = _doubtful(spec, trials, breaks)
    if doubtful is not None:
        return _probe(trials, doubtful, SearchPhase.CONFIRM)
    if holds is None:
        if breaks is not None and breaks <= spec.min_tps:
            return summarise(spec, trials, Ending.BELOW_MINIMUM)
        return _probe(trials, spec.min_tps, SearchPhase.RAMP)
    narrow = breaks is not None and _narrow(holds, breaks, spec.precision)
    if narrow or (breaks is None and holds >= spec.max_tps):
        if judge(trials[holds], spec.repeats) is Judgement.OPEN:
            return _probe(trials, holds, SearchPhase.CONFIRM)
        return summarise(spec, trials, Ending.FOUND if narrow else Ending.AT_MAXIMUM)
    if breaks is None:
        return _probe(trials, min(holds * spec.growth, spec.max_tps), SearchPhase.RAMP)
    return _probe(trials, _between(holds, breaks), SearchPhase.BISECT)


def summarise(spec: SearchSpec, trials: Trials, ending: Ending) -> Bracket:
    """What these runs say, whether or not the search has come to its end."""
    holds, breaks = _bounds(spec, trials)
    at_break = trials[breaks] if breaks is not None else ()
    spoilt = at_break.count(Trial.INVALID) > at_break.count(Trial.FAILED)
    kind = Trial.INVALID if spoilt else Trial.FAILED
    return Bracket(
        ending=ending,
        holds_tps=holds,
        breaks_tps=breaks,
        holds_confidence=None if holds is None else _holds_confidence(trials, holds),
        breaks_confidence=None if breaks is None else _breaks_confidence(trials, breaks, kind),
        limited_by_generator=kind is Trial.INVALID,
        contradictory=breaks is not None
        and any(
            rate > breaks and judge(runs, spec.repeats) is Judgement.HOLDS
            for rate, runs in trials.items()
        ),
    )


def _bounds(spec: SearchSpec, trials: Trials) -> tuple[float | None, float | None]:
    """The highest rate that passed below the lowest rate that was judged to break, and that one."""
    broken = [r for r, runs in trials.items() if judge(runs, spec.repeats) is Judgement.BREAKS]
    breaks = min(broken, default=None)
    passed = [
        rate
        for rate, runs in trials.items()
        if Trial.PASSED in runs and (breaks is None or rate < breaks)
    ]
    return max(passed, default=None), breaks


def _doubtful(spec: SearchSpec, trials: Trials, breaks: float | None) -> float | None:
    """The lowest rate with a run that did not pass and no judgement yet."""
    return min(
        (
            rate
            for rate, runs in trials.items()
            if any(trial is not Trial.PASSED for trial in runs)
            and judge(runs, spec.repeats) is Judgement.OPEN
            and (breaks is None or rate < breaks)
        ),
        default=None,
    )


def _narrow(holds: float, breaks: float, precision: float) -> bool:
    return breaks / holds - 1 <= precision + 1e-12 or not holds < _between(holds, breaks) < breaks


def _between(holds: float, breaks: float) -> float:
    """The geometric mean, in whole transactions per second above ten."""
    middle = math.sqrt(holds * breaks)
    return float(round(middle)) if middle >= 10 else middle


def _probe(trials: Trials, rate: float, phase: SearchPhase) -> Probe:
    return Probe(rate, phase, len(trials.get(rate, ())) + 1)


def _ends(trials: Trials, rates: Iterator[float]) -> list[Trial]:
    return [trial for rate in rates for trial in trials[rate]]


def _holds_confidence(trials: Trials, holds: float) -> float:
    """A pass above speaks for this rate too, and a failure below against it: rates are ordered."""
    above = _ends(trials, (rate for rate in trials if rate >= holds))
    below = _ends(trials, (rate for rate in trials if rate <= holds))
    return majority_confidence(above.count(Trial.PASSED), below.count(Trial.FAILED))


def _breaks_confidence(trials: Trials, breaks: float, kind: Trial) -> float:
    above = _ends(trials, (rate for rate in trials if rate >= breaks))
    below = _ends(trials, (rate for rate in trials if rate <= breaks))
    return majority_confidence(below.count(kind), above.count(Trial.PASSED))
