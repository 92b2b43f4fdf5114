"""How fast the transaction factory is on one core, in CPU time: ``python benchmarks/transactions.py``."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from squall.load_generator.transactions import FactorySpec, TransactionFactory

BATCH_ROWS = 512
ROUNDS = 15
BATCHES = 60
FEW = frozenset({"transaction_id", "user_id", "merchant_id", "amount"})


def round_us(factory: TransactionFactory, first: int) -> float:
    """CPU time per batch in microseconds, over one round of batches."""
    start = time.process_time()
    for number in range(BATCHES):
        low = first + number * BATCH_ROWS
        factory.batch(np.arange(low, low + BATCH_ROWS))
    return (time.process_time() - start) / BATCHES * 1e6


def longest_step_us(factory: TransactionFactory) -> float:
    """Median over batches of the longest single step, in microseconds of wall time."""
    longest = []
    for number in range(BATCHES):
        steps = factory.stages(np.arange(number * BATCH_ROWS, (number + 1) * BATCH_ROWS))
        worst = 0.0
        while True:
            start = time.perf_counter()
            try:
                next(steps)
            except StopIteration:
                break
            finally:
                worst = max(worst, time.perf_counter() - start)
        longest.append(worst * 1e6)
    return statistics.median(longest)


def measure(fields: frozenset[str] | None) -> dict[str, float]:
    """Median and best of several rounds."""
    spec = FactorySpec(seed=1, planned=3_000_000, epoch_s=1_795_000_000.0)
    start = time.process_time()
    factory = spec.build("bench000", fields)
    build_s = time.process_time() - start
    round_us(factory, 0)
    rounds = [round_us(factory, 100_000 + r * BATCHES * BATCH_ROWS) for r in range(ROUNDS)]
    median = statistics.median(rounds)
    return {
        "build_s": round(build_s, 3),
        "batch_us_median": round(median, 1),
        "batch_us_best": round(min(rounds), 1),
        "transactions_per_second_median": round(BATCH_ROWS / median * 1e6),
        "transactions_per_second_best": round(BATCH_ROWS / min(rounds) * 1e6),
        "longest_step_us_median": round(longest_step_us(factory), 1),
    }


def main() -> None:
    """Print the figures, or write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    result = {"all_fields": measure(None), "four_fields": measure(FEW)}
    text = json.dumps(result, indent=2)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
