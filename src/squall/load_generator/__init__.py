"""Load generation: profiles, rate control, transactions, engine, workers and ledger."""

from squall.load_generator.ledger import Ledger
from squall.load_generator.load_generator import (
    Calibration,
    LoadGenerator,
    LostWorker,
    fit_workers,
)
from squall.load_generator.plan import LoadPlan
from squall.load_generator.pool import LocalPool, WorkerPool
from squall.load_generator.reconcile import DecisionPage, Reconciliation, without_final_read

__all__ = [
    "Calibration",
    "DecisionPage",
    "Ledger",
    "LoadGenerator",
    "LoadPlan",
    "LocalPool",
    "LostWorker",
    "Reconciliation",
    "WorkerPool",
    "fit_workers",
    "without_final_read",
]
