"""Detection under load, from ground truth and decisions.

Positive means declined or sent to review. Only transactions with a label and a decision count; edge
cases are judged by their documented outcome and are not in the matrix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from squall.models import (
    EXPECTED,
    Decision,
    Detection,
    EdgeCase,
    EdgeCaseConformity,
    Truth,
    Typology,
    TypologyDetection,
)
from squall.models.interval import FRAUD_NAMES, FRAUD_ROWS, UNLABELLED

PREVALENCES: Mapping[str, float] = {"0.015%": 0.00015, "0.1%": 0.001, "0.5%": 0.005}
"""Shares of fraud to which precision is re-weighted: cards in the European Economic Area by count
in 2024, the order of magnitude that Stripe publishes, and a higher-risk setting."""

_Z_95 = 1.959963984540054


def wilson_interval(hits: int, trials: int) -> tuple[float, float] | None:
    """95 % interval of a proportion (Wilson, 1927); None without trials.

    centre = (p + z²/2n) / (1 + z²/n), half width = z √(p(1−p)/n + z²/4n²) / (1 + z²/n).
    """
    if trials == 0:
        return None
    p, z2 = hits / trials, _Z_95**2
    scale = 1 + z2 / trials
    centre = (p + z2 / (2 * trials)) / scale
    half = _Z_95 * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials**2)) / scale
    # The ends are exactly 0 and 1 at p = 0 and p = 1; floating point leaves 1e-17 there.
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == trials else min(1.0, centre + half)
    return low, high


def precision_at(prevalence: float, recall: float, false_positive_rate: float) -> float | None:
    """Precision of the same detector at another share of fraud π: πR / (πR + (1−π)F).

    None where nothing would be flagged.
    """
    true = prevalence * recall
    flagged = true + (1 - prevalence) * false_positive_rate
    return true / flagged if flagged > 0 else None


def average_precision(scores: NDArray[np.int64]) -> float | None:
    """Area under the precision–recall steps, from score counts of shape (2, bins).

    Σ (Rₖ − Rₖ₋₁) Pₖ over bins from the highest score down; transactions in one bin are tied.
    None without scored fraud.
    """
    legitimate, fraud = (np.cumsum(row[::-1]).astype(np.float64) for row in scores)
    if fraud[-1] == 0:
        return None
    flagged = fraud + legitimate
    precision = np.divide(fraud, flagged, out=np.zeros_like(fraud), where=flagged > 0)
    gained = np.diff(fraud, prepend=0.0) / fraud[-1]
    return float((gained * precision).sum())


def detect(truth: Truth, *, amounts_known: bool = True) -> Detection:
    """Everything ``Detection`` states, from ground truth; ratios are None where undefined.

    ``amounts_known``: whether the transactions have amounts; values are None without.
    """
    decided = truth.decisions[:, Decision.APPROVE :].sum(axis=1)
    flagged = truth.decisions[:, Decision.REVIEW :].sum(axis=1)
    legitimate, fraud = int(decided[Typology.NONE]), int(decided[FRAUD_ROWS].sum())
    false_positives, detected = int(flagged[Typology.NONE]), int(flagged[FRAUD_ROWS].sum())
    unlabelled = not (legitimate or fraud) and bool(decided[UNLABELLED])
    recall = _ratio(detected, fraud)
    false_positive_rate = _ratio(false_positives, legitimate)
    return Detection(
        fraud=None if unlabelled else fraud,
        legitimate=None if unlabelled else legitimate,
        recall=recall,
        recall_interval=wilson_interval(detected, fraud),
        false_positive_rate=false_positive_rate,
        false_positive_rate_interval=wilson_interval(false_positives, legitimate),
        precision=_ratio(detected, detected + false_positives),
        accuracy=_ratio(detected + legitimate - false_positives, fraud + legitimate),
        average_precision=average_precision(truth.scores),
        precision_at_prevalence=_reweighted(recall, false_positive_rate),
        by_typology=_by_typology(truth, decided, flagged, amounts_known),
        edge_cases=_edge_cases(truth),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _reweighted(recall: float | None, false_positive_rate: float | None) -> dict[str, float]:
    if recall is None or false_positive_rate is None:
        return {}
    return {
        name: precision
        for name, prevalence in PREVALENCES.items()
        if (precision := precision_at(prevalence, recall, false_positive_rate)) is not None
    }


def _by_typology(
    truth: Truth, decided: NDArray[np.int64], flagged: NDArray[np.int64], amounts_known: bool
) -> dict[str, TypologyDetection]:
    value = truth.value_usd[:, Decision.APPROVE :].sum(axis=1)
    value_flagged = truth.value_usd[:, Decision.REVIEW :].sum(axis=1)
    return {
        name: TypologyDetection(
            transactions=int(decided[row]),
            detected=int(flagged[row]),
            recall=_ratio(int(flagged[row]), int(decided[row])),
            value_usd=round(float(value[row]), 2) if amounts_known else None,
            value_detected_usd=round(float(value_flagged[row]), 2) if amounts_known else None,
        )
        for row, name in enumerate(FRAUD_NAMES, FRAUD_ROWS.start)
        if decided[row]
    }


def _edge_cases(truth: Truth) -> dict[str, EdgeCaseConformity]:
    return {
        case.name.lower(): EdgeCaseConformity(
            expected=EXPECTED[case].name.lower(),
            as_documented=int(truth.edge_cases[case, 0]),
            otherwise=int(truth.edge_cases[case, 1]),
            unknown=int(truth.edge_cases[case, 2]),
        )
        for case in EdgeCase
        if truth.edge_cases[case].any()
    }
