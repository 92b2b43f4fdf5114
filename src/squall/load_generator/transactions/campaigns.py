"""From the number of a fraudulent payment to its campaign and step, in closed form.

Fraud ordinals go round a *cycle* of visits to lanes. A lane runs one campaign after the other;
lanes of a fast tempo are visited often, so that their campaigns take minutes of event time, lanes
of a slow one rarely, so that theirs take days. A lane's steps come in blocks of ``BLOCK``, and how
a block divides into campaigns is one of ``PATTERNS`` patterns drawn by hash: nothing is stored per
campaign, and a plan can be outrun.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.transactions.hashing import I64, U64, hashed, joined, key_of
from squall.load_generator.transactions.scripts import SCRIPTS, Script, Tempo
from squall.models import Typology

BLOCK = 64
PATTERNS = 256
_CYCLE_MAX = 60_000
_STEP_S = {Tempo.FAST: 75.0, Tempo.MEDIUM: 900.0, Tempo.SLOW: 14_400.0}
"""Event time from one step of a campaign to the next, as far as the rate of fraud allows."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Where some fraudulent payments stand; arrays have shape (n,)."""

    campaign: U64
    """A hash that stands for the campaign."""
    script: I64
    """Position in ``SCRIPTS``."""
    step: I64
    length: I64


class Campaigns:
    """Campaigns of one seed; ``spacing_s`` is the event time between fraudulent payments."""

    def __init__(self, seed: int, weights: Mapping[Typology, float], spacing_s: float) -> None:
        scripts = _weighted(weights)
        self._block_key = key_of(seed, "campaign block")
        self._campaign_key = key_of(seed, "campaign")
        tempos = [t for t in Tempo if any(s.tempo is t for _, s, _ in scripts)]
        rng = np.random.default_rng(int(key_of(seed, "patterns")[0]))
        patterns = [
            _patterns([(n, s, w) for n, s, w in scripts if s.tempo is t], rng) for t in tempos
        ]
        self._pattern = np.concatenate(patterns)
        """Script, campaign in the block, step and length, shape (tempos*PATTERNS*BLOCK, 4)."""
        total = sum(w for _, _, w in scripts)
        shares = [sum(w for _, s, w in scripts if s.tempo is t) / total for t in tempos]
        self._lane, self._step, self._stride, self._tempo = _cycle(tempos, shares, spacing_s)
        self._lane_hash = hashed(np.arange(len(self._stride)), self._block_key)
        self.cycle = len(self._lane)

    def locate(self, ordinals: I64) -> Steps:
        """Campaigns and steps of fraudulent payments by ordinal."""
        turn = ordinals // self.cycle
        visit = ordinals - turn * self.cycle
        lane = self._lane.take(visit)
        position = turn * self._stride.take(lane) + self._step.take(visit)
        block = position // BLOCK
        key = joined(self._lane_hash.take(lane), block, self._block_key)
        pattern = self._tempo.take(lane) * PATTERNS + (key & np.uint64(PATTERNS - 1)).view(np.int64)
        row = self._pattern.take(pattern * BLOCK + (position - block * BLOCK), axis=0)
        row = np.ascontiguousarray(row.T)
        campaign = joined(key, row[1], self._campaign_key)
        return Steps(campaign, row[0], row[2], row[3])


def _weighted(weights: Mapping[Typology, float]) -> list[tuple[int, Script, float]]:
    chosen = [
        (n, s, weights.get(s.typology, 0.0) if weights else s.weight) for n, s in enumerate(SCRIPTS)
    ]
    positive = [c for c in chosen if c[2] > 0]
    return positive or [(n, s, s.weight) for n, s in enumerate(SCRIPTS)]


def _patterns(
    scripts: list[tuple[int, Script, float]], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Divisions of a block into campaigns, shape (PATTERNS * BLOCK, 4).

    A script's chance to be next is its weight over its mean length, so that weights are shares of
    payments. Whoever is furthest behind its share goes first where the block is nearly full.
    """
    mean = np.array([(s.steps[0] + s.steps[1]) / 2 for _, s, _ in scripts])
    weight = np.array([w for _, _, w in scripts])
    target = weight / weight.sum()
    done = np.zeros(len(scripts))
    rows = np.empty((PATTERNS, BLOCK, 4), np.int64)
    for pattern in range(PATTERNS):
        start = campaign = 0
        while start < BLOCK:
            behind = np.maximum(target * (done.sum() + BLOCK) - done, 1e-9) / mean
            pick = int(rng.choice(len(scripts), p=behind / behind.sum()))
            number, script, _ = scripts[pick]
            length = int(rng.integers(script.steps[0], script.steps[1] + 1))
            room = BLOCK - start
            if room - length < 3:
                length = room
            steps = np.arange(length)
            rows[pattern, start : start + length] = np.stack(
                [
                    np.full(length, number),
                    np.full(length, campaign),
                    steps,
                    np.full(length, length),
                ],
                axis=1,
            )
            done[pick] += length
            start += length
            campaign += 1
    return rows.reshape(-1, 4)


def _cycle(tempos: list[Tempo], shares: list[float], spacing_s: float) -> tuple[I64, I64, I64, I64]:
    """The visits of one cycle (lane and step within it), and of each lane its stride and tempo.

    A lane of tempo t needs a visit every ``_STEP_S[t]``; fraud of that tempo comes every
    spacing/share, so ``_STEP_S[t]`` · share / spacing lanes keep it busy.
    """
    lanes = [
        max(1, min(round(_STEP_S[t] * share / spacing_s), _CYCLE_MAX // 2))
        for t, share in zip(tempos, shares, strict=True)
    ]
    length = min(_CYCLE_MAX, max(64.0, *(n / s for n, s in zip(lanes, shares, strict=True))))
    lane_of, step_of, order, stride_of, tempo_of = [], [], [], [], []
    first = 0
    for number, (count, share) in enumerate(zip(lanes, shares, strict=True)):
        stride = max(1, round(share * length / count))
        visit = np.arange(count * stride)
        lane_of.append(first + visit % count)
        step_of.append(visit // count)
        turn = (visit + 0.5) / len(visit)
        # A lone lane of a fast tempo cannot be visited often enough: run its steps in one go.
        order.append(0.5 + turn * 1e-6 if count == 1 and number == 0 else turn)
        stride_of += [stride] * count
        tempo_of += [number] * count
        first += count
    visits = np.argsort(np.concatenate(order), kind="stable")
    return (
        np.concatenate(lane_of)[visits],
        np.concatenate(step_of)[visits],
        np.array(stride_of, np.int64),
        np.array(tempo_of, np.int64),
    )
