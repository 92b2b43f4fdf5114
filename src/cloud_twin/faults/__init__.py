"""Fault plans: what goes wrong on purpose, for which calls, how often and how long."""

from cloud_twin.faults.book import FaultBook, FaultEnded, UnknownFault
from cloud_twin.faults.effect import Effect, Subject
from cloud_twin.faults.plan import FaultError, FaultPlan

__all__ = [
    "Effect",
    "FaultBook",
    "FaultEnded",
    "FaultError",
    "FaultPlan",
    "Subject",
    "UnknownFault",
]
