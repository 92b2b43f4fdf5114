"""Everything that decides a load, as one picklable value."""

from __future__ import annotations

from dataclasses import dataclass

from squall.load_generator.target_spec import TargetSpec
from squall.models import ArrivalProcess, ClientSpec, LoadSpec, SourceSpec


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One run's load. Rate and time scales are already inside ``load``."""

    run_tag: str
    """Eight characters that start every transaction id of the run."""
    seed: int
    load: LoadSpec
    arrivals: ArrivalProcess
    source: SourceSpec
    target: TargetSpec
    client: ClientSpec
    workers: int
    drain_s: float
