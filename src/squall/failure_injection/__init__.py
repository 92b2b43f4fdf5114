"""Faults that are put in force while a load runs. One type of fault per file; all are leases."""

from squall.failure_injection.catalogue import make_fault
from squall.failure_injection.fault import LEASE_S, Fault
from squall.failure_injection.schedule import FaultSchedule

__all__ = ["LEASE_S", "Fault", "FaultSchedule", "make_fault"]
