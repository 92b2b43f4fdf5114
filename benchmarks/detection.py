"""How well the fraud platform detects fraud of people it has never met.

Learns from the history of one seed, then replays other seeds through the same agents, in order of
arrival, in micro-batches, from an empty memory. DECLINE and REVIEW both count as detected.

    python benchmarks/detection.py --count 120000 --learn-seed 7 --seeds 101 202 303
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fraud_platform.agents.coordinator import APPROVE, Coordinator
from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.runner import Absence
from fraud_platform.learning.cache import obtain_model
from fraud_platform.learning.history import FRAUD, LEGITIMATE, History, read_history
from fraud_platform.learning.model import LearnedModel
from fraud_platform.learning.training import MICRO_BATCH
from fraud_platform.state.features import FeatureExtractor

PREVALENCE = 0.001
_Z = 1.959964  # 95 %


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % Wilson interval."""

    of: int
    share: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.share:7.2%}  [{self.low:.2%}, {self.high:.2%}]  n = {self.of:,}"


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What came out for one seed."""

    seed: int
    recall: Share
    false_positives: Share
    precision_at_prevalence: float
    by_typology: dict[str, Share]


def wilson(hits: int, total: int) -> Share:
    """Wilson's score interval (Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    if total == 0:
        return Share(0, 0.0, 0.0, 1.0)
    p = hits / total
    centre = p + _Z * _Z / (2 * total)
    spread = _Z * sqrt(p * (1 - p) / total + _Z * _Z / (4 * total * total))
    scale = 1 + _Z * _Z / total
    return Share(total, p, (centre - spread) / scale, (centre + spread) / scale)


def precision(recall: float, false_positives: float, prevalence: float) -> float:
    """Bayes: the share of alerts that are fraud where ``prevalence`` of all transactions is."""
    caught = recall * prevalence
    alerts = caught + false_positives * (1 - prevalence)
    return caught / alerts if alerts else 0.0


def replay_decisions(model: LearnedModel, history: History) -> NDArray[np.bool_]:
    """Which transactions were declined or reviewed, shape (n,)."""
    extractor = FeatureExtractor(model.scales)
    agents = model.agents()
    coordinator = Coordinator(model.weights)
    flagged = []
    for start in range(0, len(history), MICRO_BATCH):
        batch = history.transactions[start : start + MICRO_BATCH]
        evidence = Evidence(batch, extractor.observe(batch))
        votes: list[Votes | Absence] = [agent.judge(evidence) for agent in agents]
        flagged.append(coordinator.settle(votes, len(batch)).decision != APPROVE)
    return np.concatenate(flagged)


def judge(seed: int, model: LearnedModel, history: History) -> SeedResult:
    """Replay one seed and count."""
    flagged = replay_decisions(model, history)
    fraud, legitimate = history.label == FRAUD, history.label == LEGITIMATE
    recall = wilson(int(flagged[fraud].sum()), int(fraud.sum()))
    false_positives = wilson(int(flagged[legitimate].sum()), int(legitimate.sum()))
    by_typology = {}
    for typology in sorted(set(history.typology[fraud].tolist())):
        own = fraud & (history.typology == typology)
        by_typology[typology] = wilson(int(flagged[own].sum()), int(own.sum()))
    return SeedResult(
        seed,
        recall,
        false_positives,
        precision(recall.share, false_positives.share, PREVALENCE),
        by_typology,
    )


def make_history(folder: Path, seed: int, count: int) -> Path:
    """Labelled transactions of one seed, by squall's own command."""
    path = folder / f"{seed}.parquet"
    command = [sys.executable, "-m", "squall.cli.main", "data", "generate"]
    subprocess.run(
        [*command, f"--count={count}", f"--seed={seed}", f"--out={path}"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return path


def show(result: SeedResult) -> None:
    """One seed's figures as text."""
    print(f"seed {result.seed}")
    print(f"  recall           {result.recall}")
    print(f"  false positives  {result.false_positives}")
    print(f"  precision at a prevalence of {PREVALENCE:.1%}: {result.precision_at_prevalence:.1%}")
    for typology, share in result.by_typology.items():
        print(f"    {typology:20s} {share}")


def main() -> None:
    """Learn, replay, print; with ``--json`` write the figures as well."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=120_000, help="transactions per seed")
    parser.add_argument("--learn-count", type=int, default=120_000)
    parser.add_argument("--learn-seed", type=int, default=7)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 202, 303])
    parser.add_argument("--json", type=Path, help="write the figures there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        learned_from = make_history(folder, given.learn_seed, given.learn_count)
        model = obtain_model(folder, learned_from)
        results = []
        for seed in given.seeds:
            result = judge(seed, model, read_history(make_history(folder, seed, given.count)))
            show(result)
            results.append(result)
    worst = max(result.false_positives.share for result in results)
    print(f"lowest recall {min(r.recall.share for r in results):.2%}, highest {worst:.2%} false")
    if given.json:
        given.json.write_text(json.dumps([asdict(result) for result in results], indent=1))


if __name__ == "__main__":
    main()
