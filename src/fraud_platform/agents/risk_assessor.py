"""The risk assessor: a gradient-boosted model over all features."""

from __future__ import annotations

import numpy as np

from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.reasons import BIT

NAME = "risk_assessor"
_SPEAKS_UP = 0.3
"""From this probability on the model is given as a reason."""


class RiskAssessor:
    """Predicts the probability of fraud, on one thread."""

    name = NAME

    def __init__(self, model_text: str) -> None:
        import lightgbm  # a second to load, and only the deciding process needs it

        self._model = lightgbm.Booster(model_str=model_text)

    def judge(self, evidence: Evidence) -> Votes:
        """Confidence is the distance of the probability from one half."""
        raw = self._model.predict(evidence.matrix, num_threads=1)
        risk = np.asarray(raw, dtype=np.float64)
        reasons = np.where(risk >= _SPEAKS_UP, np.uint64(BIT["R40"]), np.uint64(0))
        return Votes(risk, 0.6 + 0.4 * np.abs(2.0 * risk - 1.0), reasons)
