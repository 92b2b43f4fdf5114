"""What makes two runs differ in more than the thing under test."""

from __future__ import annotations

from collections.abc import Iterator

from squall.models import TestResults, TestStatus, Verdict

_MACHINE = ("name", "system", "cpu", "cores", "memory")
"""Facts of the environment that change what a machine can do."""


def comparability(a: TestResults, b: TestResults) -> list[str]:
    """One sentence for each difference that weakens a comparison; empty when there is none."""
    return list(_differences(a, b))


def _differences(a: TestResults, b: TestResults) -> Iterator[str]:
    for run in (a, b):
        if run.verdict is Verdict.INVALID:
            yield f"{run.run_id} is invalid: its generator was the limit"
        elif run.status is not TestStatus.COMPLETED:
            yield f"{run.run_id} did not complete (it is {run.status})"
    if a.scenario != b.scenario:
        yield f"the scenarios differ: {a.scenario} and {b.scenario}"
    elif a.config.scenario.load != b.config.scenario.load:
        yield f"the load of {a.scenario} was changed between the runs"
    if (a.scaling.rate_scale, a.scaling.time_scale) != (b.scaling.rate_scale, b.scaling.time_scale):
        yield (
            f"the scaling differs: rate × {a.scaling.rate_scale:g}, time × "
            f"{a.scaling.time_scale:g} and rate × {b.scaling.rate_scale:g}, time × "
            f"{b.scaling.time_scale:g}"
        )
    if a.seed != b.seed:
        yield f"the seeds differ ({a.seed} and {b.seed}): other customers, other fraud"
    if a.target != b.target:
        yield f"the targets differ: {a.target} and {b.target}"
    if a.config.scenario.mix != b.config.scenario.mix:
        yield "the mixes of fraud and edge cases differ"
    if a.config.scenario.client != b.config.scenario.client:
        yield "the clients differ (connections, timeout, queue or retries)"
    if a.config.scenario.arrivals != b.config.scenario.arrivals:
        yield "the arrival processes differ"
    if a.generator.workers != b.generator.workers:
        yield f"the workers differ: {a.generator.workers} and {b.generator.workers}"
    for fact in _MACHINE:
        before, after = a.environment.get(fact), b.environment.get(fact)
        if before != after and before is not None and after is not None:
            yield f"the environments differ in {fact}: {before} and {after}"
