"""Learning from a history, in seconds, repeatably.

The history is replayed through the same memory that serves (cold at first, in order of arrival),
and split by time: the first part teaches the model and the scorecards, the next how to weigh the
agents, the last where to draw the thresholds. What is learned is never judged on what taught it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fraud_platform.agents import compliance, pattern_detector, transaction_analyser
from fraud_platform.agents.evidence import Evidence
from fraud_platform.agents.fusion import Weights, fuse, log_odds
from fraud_platform.agents.scorecard import Points, Rule, rules_met
from fraud_platform.learning.history import FRAUD, LEGITIMATE, History
from fraud_platform.learning.logistic import fit_logistic
from fraud_platform.learning.model import AGENTS, LearnedModel
from fraud_platform.state.features import NAMES, FeatureExtractor, FloatMatrix
from fraud_platform.state.scales import AmountScales, learn_scales
from fraud_platform.wire.currencies import currency_exponents
from fraud_platform.wire.transaction import Transaction

log = logging.getLogger(__name__)

FALSE_POSITIVES = 0.0055
"""Share of legitimate transactions that may be reviewed or declined, on the last part."""
FALSE_DECLINES = 0.001
"""Share that may be declined outright."""
LEAST_WEIGHT = 0.1
"""No agent's weight is below this: every specialist can tip a close vote."""
MICRO_BATCH = 256
_COLD = 12_000
"""Transactions after which a memory that began with nothing is started anew."""
_MODEL_PART = 0.60
_WEIGHTS_PART = 0.75
_SEED = 20_260_101
_ROUNDS = 90
_PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.14,
    "num_leaves": 31,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "seed": _SEED,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
_CATEGORICAL = ("type", "channel", "category", "cvv", "avs", "authentication")

_SCORECARDS: dict[str, Sequence[Rule]] = {
    transaction_analyser.NAME: transaction_analyser.RULES,
    pattern_detector.NAME: pattern_detector.RULES,
    compliance.NAME: compliance.RULES,
}


def learn(history: History) -> LearnedModel:
    """Learn everything from a history."""
    begun = time.perf_counter()
    first = int(len(history) * _MODEL_PART)
    scales = learn_scales(history.transactions[:first], currency_exponents())
    early, later = _warm_and_cold(history, scales, first)
    boosted = _boost(early)
    points = {name: _points(rules, early) for name, rules in _SCORECARDS.items()}
    unweighted = LearnedModel(boosted, points, {}, scales, {})
    opinions = np.stack(
        [log_odds(agent.judge(later.evidence)) for agent in unweighted.agents()], axis=1
    )
    weighing = later.place < _WEIGHTS_PART
    weights = _all_weights(
        opinions[weighing], later.fraud[weighing], opinions[~weighing], later.label[~weighing]
    )
    figures = _figures(weights, opinions[~weighing], later.label[~weighing])
    log.info(
        "learned from %d transactions in %.1f s: recall %.3f at %.4f false positives on the last"
        " part",
        len(history), time.perf_counter() - begun, figures["recall"], figures["false_positives"],
    )  # fmt: skip
    return LearnedModel(boosted, points, weights, scales, figures)


@dataclass(frozen=True, slots=True)
class _Lesson:
    """Transactions to learn from, with their truth; arrays have shape (n,)."""

    evidence: Evidence
    label: NDArray[np.int64]
    place: NDArray[np.float64]
    """Where in the history each stands, 0 … 1."""

    @property
    def fraud(self) -> NDArray[np.float64]:
        fraud: NDArray[np.float64] = (self.label == FRAUD).astype(np.float64)
        return fraud


def _warm_and_cold(history: History, scales: AmountScales, first: int) -> tuple[_Lesson, _Lesson]:
    """The early and the later part, each as seen by a memory that knows what came before, and by
    memories that began with nothing a short while ago: a platform judges from its first transaction
    on, and everybody is new to it then."""
    matrix = replay(history.transactions, FeatureExtractor(scales)).matrix
    place = np.arange(len(history)) / len(history)
    lessons = []
    for start, end in ((0, first), (first, len(history))):
        fresh = [
            replay(history.transactions[at : min(at + _COLD, end)], FeatureExtractor(scales)).matrix
            for at in range(start, end, _COLD)
        ]
        rows = np.concatenate([np.arange(start, end)] * 2)
        evidence = Evidence(
            history.transactions[start:end] * 2, np.concatenate([matrix[start:end], *fresh])
        )
        lessons.append(_Lesson(evidence, history.label[rows], place[rows]))
    return lessons[0], lessons[1]


def replay(transactions: Sequence[Transaction], extractor: FeatureExtractor) -> Evidence:
    """Put transactions through the memory as the platform would, in micro-batches."""
    parts: list[FloatMatrix] = [
        extractor.observe(transactions[start : start + MICRO_BATCH])
        for start in range(0, len(transactions), MICRO_BATCH)
    ]
    return Evidence(transactions, np.concatenate(parts))


def _boost(lesson: _Lesson) -> str:
    import lightgbm  # a second to load, and only who learns needs it

    data = lightgbm.Dataset(
        lesson.evidence.matrix,
        label=lesson.fraud,
        feature_name=list(NAMES),
        categorical_feature=list(_CATEGORICAL),
        params={"verbosity": -1, "max_bin": _PARAMETERS["max_bin"]},
    )
    text: str = lightgbm.train(_PARAMETERS, data, num_boost_round=_ROUNDS).model_to_string()
    return text


def _points(rules: Sequence[Rule], lesson: _Lesson) -> Points:
    base, weights = fit_logistic(rules_met(rules, lesson.evidence), lesson.fraud)
    return Points(base, tuple(float(w) for w in weights))


def _all_weights(
    opinions: NDArray[np.float64],
    fraud: NDArray[np.float64],
    last: NDArray[np.float64],
    last_label: NDArray[np.int64],
) -> dict[int, Weights]:
    """Weights for every set of at least one agent, by its bits."""
    count = len(AGENTS)
    chosen: dict[int, Weights] = {}
    for size in range(1, count + 1):
        for present in combinations(range(count), size):
            base, fitted = fit_logistic(opinions[:, present], fraud, least=LEAST_WEIGHT)
            agents = np.zeros(count)
            agents[list(present)] = fitted
            draft = Weights(base, tuple(float(w) for w in agents), 0.5, 0.9)
            review, decline = _thresholds(fuse(draft, last)[last_label == LEGITIMATE])
            bits = sum(1 << k for k in present)
            chosen[bits] = Weights(base, draft.agents, review, decline)
    return chosen


def _thresholds(legitimate: NDArray[np.float64]) -> tuple[float, float]:
    """Scores that just the allowed shares of legitimate transactions reach."""
    review, decline = np.quantile(
        legitimate, [1.0 - FALSE_POSITIVES, 1.0 - FALSE_DECLINES], method="higher"
    )
    review_from = float(np.nextafter(review, 1.0))
    return review_from, max(float(np.nextafter(decline, 1.0)), review_from)


def _figures(
    weights: dict[int, Weights], opinions: NDArray[np.float64], label: NDArray[np.int64]
) -> dict[str, float]:
    full = weights[(1 << len(AGENTS)) - 1]
    flagged = fuse(full, opinions) >= full.review_from
    return {
        "recall": float(flagged[label == FRAUD].mean()),
        "false_positives": float(flagged[label == LEGITIMATE].mean()),
        "transactions": float(len(label)),
    }
