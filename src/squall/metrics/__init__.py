"""Measurements of a run: sums, percentiles, live snapshots, detection and collectors.

Owns what was measured and how it is brought together; decides nothing about whether it is good.
"""

from squall.metrics.aggregator import SNAPSHOT_PERIOD_S, MetricsAggregator, RunState
from squall.metrics.dated_decisions import DatedDecisions
from squall.metrics.detection import detect, wilson_interval
from squall.metrics.generator import GeneratorFacts, limit_reason
from squall.metrics.late_decisions import LateDecisions
from squall.metrics.schedule import Schedule

__all__ = [
    "SNAPSHOT_PERIOD_S",
    "DatedDecisions",
    "GeneratorFacts",
    "LateDecisions",
    "MetricsAggregator",
    "RunState",
    "Schedule",
    "detect",
    "limit_reason",
    "wilson_interval",
]
