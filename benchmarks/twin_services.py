"""The twin's hot calls beside those of other stand-ins: ``python -m benchmarks.twin_services``.

The server has one core, one raw client the other. Every round starts every server afresh, each
round beginning with another one.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import JsonValue

from benchmarks.harness.machine import NoiseMeter, describe_machine
from benchmarks.harness.options import Options, run_benchmark, say
from benchmarks.harness.processes import BenchmarkError, require_two_cores
from benchmarks.harness.records import Cell, Record, Table, now_utc
from benchmarks.harness.statistics import Spread, median_or_none, paired_ratios, rotated
from benchmarks.servers.aws_calls import ITEM_BYTES
from benchmarks.servers.clouds import CLOUDS, TWIN, Cloud, running
from benchmarks.servers.raw_client import stay_with_the_client
from benchmarks.servers.service_costs import (
    ITEMS,
    PREPARED_CALLS,
    QUOTA_CALLS,
    RECORD_BYTES,
    RECORDS,
    SHARD_QUOTA_PER_S,
    SHARDS,
    TURN_CALLS,
    WARM_UP_CALLS,
    Cost,
    Plan,
    Retention,
    measure,
    measure_retention,
)

METHOD = (
    "The server on core 0; on core 1 one client with one keep-alive connection, which sends calls "
    "that were made and signed before, one at a time.",
    "CPU is user and system time of all the server's processes over a window of calls, divided by "
    "the calls. Every answer must be 200 and every record and item taken.",
    f"PutRecords: {RECORDS} records of {RECORD_BYTES} random bytes, each with a partition key of "
    f"its own, into {SHARDS} shards; {PREPARED_CALLS} prepared calls in turn. BatchWriteItem: "
    f"{ITEMS} new items of {ITEM_BYTES} bytes, on demand. The twin's quotas are lifted.",
    "With records retained: a second twin's stream is filled first; then both are measured in "
    f"short turns of {TURN_CALLS} calls. That the oldest record is still there is checked.",
    f"Quota: with its default limits, {QUOTA_CALLS * RECORDS:,} small records as fast as they are "
    f"taken into one shard, whose quota on AWS is {SHARD_QUOTA_PER_S:,} a second.",
    "Other stand-ins run as they are installed; MiniStack's log level is WARNING. Every round "
    "starts every server afresh; ratios are taken within a round.",
)


Runs = Mapping[str, Sequence[Cost | None]]


def measure_all(options: Options) -> Record:
    """All rounds."""
    require_two_cores()
    plan = Plan(1, 40, 1.0, 100_000) if options.quick else Plan(7, 200, 5.0, 1_000_000)
    if options.repeats:
        plan = Plan(options.repeats, plan.calls, plan.window_s, plan.retained)
    versions = {cloud.name: cloud.version() for cloud in CLOUDS}
    present = [cloud for cloud in CLOUDS if versions[cloud.name] is not None]
    runs: dict[str, list[Cost | None]] = {cloud.name: [] for cloud in present}
    retentions: list[Retention] = []
    noise = NoiseMeter()
    stay_with_the_client()
    with tempfile.TemporaryDirectory(prefix="squall-bench-") as scratch:
        for number in range(plan.rounds):
            for name in rotated(list(runs), number):
                cloud = next(cloud for cloud in present if cloud.name == name)
                where = Path(scratch) / f"{number}-{present.index(cloud)}"
                runs[name].append(_round(cloud, plan, random.Random(number), where))
            retentions.append(_retention_round(plan, random.Random(number), Path(scratch)))
    windows = f"Rounds: {plan.rounds}; a window has {plan.calls} calls, or {plan.window_s:g} s."
    return Record(
        benchmark="twin_services",
        measured_at=now_utc(),
        quick=options.quick,
        machine=describe_machine(),
        noise=noise.read(),
        method=(*METHOD, f"{windows} The filled stream holds {plan.retained:,} records."),
        tools={name: version or "not installed" for name, version in versions.items()},
        bars=bars_of(runs, retentions),
        tables=(table_of(runs), retention_table(retentions, plan)),
        rounds=tuple(_rounds(runs, retentions)),
    )


def _rounds(runs: Runs, retentions: Sequence[Retention]) -> Iterator[JsonValue]:
    for name, costs in runs.items():
        for number, cost in enumerate(costs):
            yield {"round": number, "server": name, "cost": None if cost is None else asdict(cost)}
    for number, kept in enumerate(retentions):
        yield {"round": number, "retention": asdict(kept)}


def _round(cloud: Cloud, plan: Plan, rng: random.Random, directory: Path) -> Cost | None:
    """One server's round; None where another one than the twin cannot do it."""
    try:
        with running(cloud, directory) as server:
            cost = measure(server, cloud is TWIN, plan, rng)
    except (BenchmarkError, BotoCoreError, ClientError) as error:
        if cloud is TWIN:
            raise
        say(f"{cloud.name}: {error}")
        return None
    say(
        f"{cloud.name}: {cost.put_ms:.2f} ms per PutRecords, "
        f"{cost.batch_write_ms:.2f} ms per BatchWriteItem, {cost.records_per_s:,.0f} records/s"
    )
    return cost


def _retention_round(plan: Plan, rng: random.Random, scratch: Path) -> Retention:
    places = (scratch / "filled", scratch / "empty")
    with running(TWIN, places[0]) as filled, running(TWIN, places[1]) as empty:
        kept = measure_retention(filled, empty, plan, rng)
    say(f"{plan.retained:,} records kept: {kept.full_ms:.2f} ms; few: {kept.empty_ms:.2f} ms")
    return kept


def of_rounds(runs: Runs, name: str, value: str) -> list[float | None]:
    """One value of one server by round; empty where the server is missing."""
    return [None if cost is None else getattr(cost, value) for cost in runs.get(name, ())]


def growth(retentions: Sequence[Retention]) -> list[float]:
    """CPU per PutRecords with many records retained ÷ with few, by round."""
    return [kept.full_ms / kept.empty_ms for kept in retentions]


def bars_of(runs: Runs, retentions: Sequence[Retention]) -> dict[str, float]:
    """The twin's bars."""
    twin = [cost for cost in runs.get(TWIN.name, ()) if cost is not None]
    found = {
        "twin_put_records_ms": median_or_none([cost.put_ms for cost in twin]),
        "twin_put_records_growth": median_or_none(growth(retentions)),
        "twin_batch_write_ms": median_or_none([cost.batch_write_ms for cost in twin]),
    }
    return {key: round(value, 4) for key, value in found.items() if value is not None}


def table_of(runs: Runs) -> Table:
    """One row per server that is installed."""
    rows: list[tuple[Cell, ...]] = []
    for name, costs in runs.items():
        done = [cost for cost in costs if cost is not None]
        if not done:
            continue
        cells: list[Cell] = [name]
        for value in ("put_ms", "batch_write_ms"):
            cells.append(Spread.of([getattr(cost, value) for cost in done]).text(2))
            against = paired_ratios(of_rounds(runs, name, value), of_rounds(runs, TWIN.name, value))
            cells.append(f"{Spread.of(against).median:.1f}" if against else None)
        cells.append(f"{Spread.of([cost.records_per_s for cost in done]).median:,.0f}")
        rows.append((*cells, _quota(done), len(done)))
    return Table(
        title="Server CPU of the hot calls",
        columns=(
            "server",
            f"CPU ms / PutRecords of {RECORDS}",
            f"÷ {TWIN.name}",
            f"CPU ms / BatchWriteItem of {ITEMS}",
            f"÷ {TWIN.name}",
            "records/s, one client",
            "refused beyond the shard's quota",
            "rounds",
        ),
        rows=tuple(rows),
        note="Median [lowest … highest]. A server that refuses nothing beyond the quota cannot "
        "show what throttling does to an application.",
    )


def _quota(done: Sequence[Cost]) -> str:
    known = [cost.refused for cost in done if cost.refused is not None]
    if not known:
        return "quota not reached"
    sent = QUOTA_CALLS * RECORDS
    return f"{Spread.of(known).median:,.0f} of {sent:,}" if any(known) else f"none of {sent:,}"


def retention_table(retentions: Sequence[Retention], plan: Plan) -> Table:
    """The twin with few and with many records."""
    few = (WARM_UP_CALLS + plan.calls) * RECORDS
    cases = (
        (f"at most {few:,} records", [kept.empty_ms for kept in retentions]),
        (f"{plan.retained:,} records and more", [kept.full_ms for kept in retentions]),
        ("the second ÷ the first", growth(retentions)),
    )
    return Table(
        title=f"The twin's PutRecords of {RECORDS} as its stream fills",
        columns=("stream", "CPU ms / call", "rounds"),
        rows=tuple(
            (name, Spread.of(values).text(2), len(values)) for name, values in cases if values
        ),
        note="Median [lowest … highest]. The last row is a ratio within a round.",
    )


if __name__ == "__main__":
    raise SystemExit(run_benchmark(__doc__, measure_all))
