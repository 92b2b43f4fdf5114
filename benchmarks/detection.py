"""How well the platform finds fraud in unseen data: ``python -m benchmarks.detection``.

Learns from the history of one seed, then replays other seeds through the same agents, in order of
arrival, in micro-batches, from an empty memory. DECLINE and REVIEW both count as found.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.records import Record, Table, now_utc
from fraud_platform.agents.coordinator import APPROVE, Coordinator
from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.runner import Absence
from fraud_platform.learning.cache import obtain_model
from fraud_platform.learning.history import FRAUD, LEGITIMATE, History, read_history
from fraud_platform.learning.model import LearnedModel
from fraud_platform.learning.training import MICRO_BATCH
from fraud_platform.state.features import FeatureExtractor

LEARN_SEED = 7
SEEDS = (101, 202, 303)
COUNT = 120_000
QUICK_COUNT = 30_000
PREVALENCE = 0.001

METHOD = (
    "`squall data generate` makes the transactions (stress mix: 80 % legitimate, 15 % fraud, 5 % "
    "edge cases). Two seeds share no customer, card, device or merchant. What the platform would "
    "refuse is left out.",
    "The platform learns from one seed. Each of the others is replayed through the same agents "
    "and coordinator in order of arrival, 256 at a time, from an empty memory; nothing is "
    "adjusted to it.",
    "Recall is the share of fraud declined or reviewed, false positives the share of legitimate "
    "transactions declined or reviewed; edge cases count as neither. Intervals are Wilson's, 95 %. "
    "The bars take the worst seed.",
    "Precision is re-weighted by Bayes' rule to a prevalence of 0.1 %: at the mix's 15 % it would "
    "flatter.",
)
_Z = 1.959964  # 95 %


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % Wilson interval."""

    of: int
    share: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.share:.2%} ({self.low:.2%}–{self.high:.2%})"


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
    done = subprocess.run(
        [*command, f"--count={count}", f"--seed={seed}", f"--out={path}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchmarkError(f"squall data generate: {done.stderr.strip()}")
    return path


def measure_all(options: Options) -> Record:
    """Learn, replay, count."""
    count = QUICK_COUNT if options.quick else COUNT
    seeds = SEEDS[: options.repeats or (1 if options.quick else len(SEEDS))]
    noise = NoiseMeter()
    results = []
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as name:
        folder = Path(name)
        model = obtain_model(folder, make_history(folder, LEARN_SEED, count))
        for seed in seeds:
            result = judge(seed, model, read_history(make_history(folder, seed, count)))
            say(f"seed {seed}: recall {result.recall}, false positives {result.false_positives}")
            results.append(result)
    recall = min(result.recall.share for result in results)
    false_positives = max(result.false_positives.share for result in results)
    return Record(
        benchmark="detection",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=(*METHOD, f"{count:,} transactions per seed; learned from seed {LEARN_SEED}."),
        bars={
            "detection_recall_percent": round(recall * 100, 3),
            "detection_false_positive_percent": round(false_positives * 100, 3),
        },
        tables=(_by_seed(results), _by_typology(results)),
        rounds=tuple(asdict(result) for result in results),
    )


def _by_seed(results: list[SeedResult]) -> Table:
    return Table(
        title="Unseen seeds",
        columns=("seed", "recall", "false positives", "precision at 0.1 % prevalence"),
        rows=tuple(
            (r.seed, str(r.recall), str(r.false_positives), f"{r.precision_at_prevalence:.1%}")
            for r in results
        ),
    )


def _by_typology(results: list[SeedResult]) -> Table:
    names = sorted({name for result in results for name in result.by_typology})
    return Table(
        title="Recall by typology",
        columns=("typology", *(f"seed {result.seed}" for result in results)),
        rows=tuple(
            (name, *(str(result.by_typology.get(name, wilson(0, 0))) for result in results))
            for name in names
        ),
        note="Friendly fraud is an ordinary payment until it is disputed.",
    )


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
