"""Everything that was learned, as one value that can be stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from fraud_platform.agents import compliance, pattern_detector, risk_assessor, transaction_analyser
from fraud_platform.agents.compliance import BlockList, Compliance
from fraud_platform.agents.evidence import Agent
from fraud_platform.agents.fusion import Weights
from fraud_platform.agents.pattern_detector import PatternDetector
from fraud_platform.agents.risk_assessor import RiskAssessor
from fraud_platform.agents.scorecard import Points
from fraud_platform.agents.transaction_analyser import TransactionAnalyser
from fraud_platform.state.scales import AmountScales

AGENTS = (
    transaction_analyser.NAME,
    pattern_detector.NAME,
    risk_assessor.NAME,
    compliance.NAME,
)
"""The agents in the order in which they vote."""


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """The boosted model, the scorecards' points, the weights of the vote, and the scales."""

    boosted: str
    """LightGBM's text form."""
    points: Mapping[str, Points]
    """By agent."""
    weights: Mapping[int, Weights]
    """By set of agents present."""
    scales: AmountScales
    figures: Mapping[str, float]
    """How it did on the last part of the history."""

    def agents(self, block_list: BlockList | None = None) -> list[Agent]:
        """The four agents, in order."""
        return [
            TransactionAnalyser(self.points[transaction_analyser.NAME]),
            PatternDetector(self.points[pattern_detector.NAME]),
            RiskAssessor(self.boosted),
            Compliance(self.points[compliance.NAME], block_list),
        ]

    def save(self, path: Path) -> None:
        """Write it in one step: a reader sees all of it or nothing."""
        document = {
            "boosted": self.boosted,
            "points": {name: asdict(points) for name, points in self.points.items()},
            "weights": {str(present): asdict(w) for present, w in self.weights.items()},
            "scales": asdict(self.scales),
            "figures": dict(self.figures),
        }
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_bytes(orjson.dumps(document))
        unfinished.replace(path)


def load_model(path: Path) -> LearnedModel | None:
    """Read a stored model; None where there is none or it is damaged."""
    try:
        document: dict[str, Any] = orjson.loads(path.read_bytes())
        return LearnedModel(
            boosted=document["boosted"],
            points={
                name: Points(p["base"], tuple(p["rules"])) for name, p in document["points"].items()
            },
            weights={
                int(present): Weights(**{**w, "agents": tuple(w["agents"])})
                for present, w in document["weights"].items()
            },
            scales=AmountScales(**document["scales"]),
            figures=document["figures"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
