"""CPU time of the transaction factory on one core: ``python -m benchmarks.transactions``."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.records import Record, Table, now_utc
from benchmarks.harness.statistics import Spread
from squall.load_generator.engine.blocks import BLOCK_ROWS
from squall.load_generator.transactions import FactorySpec, TransactionFactory

FEW = frozenset({"transaction_id", "user_id", "merchant_id", "amount"})
SIZES = (512, BLOCK_ROWS, 4_096)
ROUNDS = 15
ROWS_PER_ROUND = 65_536

METHOD = (
    "One process makes batches of transactions of the stress mix, one after the other, and throws "
    "them away; CPU time of the process, median of the rounds.",
    f"{ROWS_PER_ROUND:,} transactions per round and case, the cases taking turns. The load "
    f"generator makes {BLOCK_ROWS:,} at a time, in steps between sends.",
)


@dataclass(frozen=True, slots=True)
class Case:
    """What is made: how many at a time, with which fields (None: all)."""

    rows: int
    fields: frozenset[str] | None

    @property
    def name(self) -> str:
        """For the table."""
        what = "all fields" if self.fields is None else f"{len(self.fields)} fields"
        return f"{what}, {self.rows:,} at a time"


CASES = tuple(Case(rows, fields) for fields in (None, FEW) for rows in SIZES)


def cpu_us_per_transaction(factory: TransactionFactory, rows: int, first: int) -> float:
    """Over one round of batches."""
    batches = ROWS_PER_ROUND // rows
    start = time.process_time()
    for number in range(batches):
        low = first + number * rows
        factory.batch(np.arange(low, low + rows))
    return (time.process_time() - start) / (batches * rows) * 1e6


def longest_step_us(factory: TransactionFactory, rows: int, batches: int) -> float:
    """Median over batches of the longest single step, in microseconds of wall time."""
    longest = []
    for number in range(batches):
        steps = factory.stages(np.arange(number * rows, (number + 1) * rows))
        worst, going = 0.0, True
        while going:
            start = time.perf_counter()
            going = next(steps, factory) is None
            worst = max(worst, time.perf_counter() - start)
        longest.append(worst * 1e6)
    return Spread.of(longest).median


def measure_all(options: Options) -> Record:
    """Every case in every round."""
    rounds = options.repeats or (2 if options.quick else ROUNDS)
    spec = FactorySpec(seed=1, planned=3_000_000, epoch_s=1_795_000_000.0)
    noise = NoiseMeter()
    factories = {case: spec.build("bench000", case.fields) for case in CASES}
    costs: dict[Case, list[float]] = {case: [] for case in CASES}
    for number in range(rounds):
        for case, factory in factories.items():
            first = 100_000 + number * ROWS_PER_ROUND
            costs[case].append(cpu_us_per_transaction(factory, case.rows, first))
        say(f"round {number + 1} of {rounds}")
    spreads = {case: Spread.of(values) for case, values in costs.items()}
    block = Case(BLOCK_ROWS, None)
    step_us = longest_step_us(factories[block], BLOCK_ROWS, 50)
    return Record(
        benchmark="transactions",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=METHOD,
        bars={"transactions_per_core_second": round(1e6 / spreads[block].median)},
        tables=(
            Table(
                title="Making transactions, one core",
                columns=("case", "µs each", "per second"),
                rows=tuple(
                    (case.name, spread.text(2), f"{1e6 / spread.median:,.0f}")
                    for case, spread in spreads.items()
                ),
                note=f"Longest single step of a block: {step_us:.0f} µs (median of 50 blocks).",
            ),
        ),
        rounds=tuple(
            {"case": case.name, **asdict(spread), "values": [round(v, 4) for v in costs[case]]}
            for case, spread in spreads.items()
        ),
    )


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
