"""Fault plans: what goes wrong on purpose, for which calls, how often and how long."""

from cloud_twin.faults.book import FaultBook, FaultEnded, UnknownFault
from cloud_twin.faults.effect import Effect
from cloud_twin.faults.inner_calls import PlannedCalls
from cloud_twin.faults.plan import FaultError, FaultPlan
from cloud_twin.ports import Subject

__all__ = [
    "Effect",
    "FaultBook",
    "FaultEnded",
    "FaultError",
    "FaultPlan",
    "PlannedCalls",
    "Subject",
    "UnknownFault",
]
