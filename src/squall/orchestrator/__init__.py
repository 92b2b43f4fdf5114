"""Runs a scenario from its plan to its verdict, through an explicit state machine."""

from squall.orchestrator.orchestrator import StressTestOrchestrator
from squall.orchestrator.planning import RunPlan, plan_run
from squall.orchestrator.ports import Parts, Progress
from squall.orchestrator.sessions import target_opener
from squall.orchestrator.state import TRANSITIONS, RunStateMachine

__all__ = [
    "TRANSITIONS",
    "Parts",
    "Progress",
    "RunPlan",
    "RunStateMachine",
    "StressTestOrchestrator",
    "plan_run",
    "target_opener",
]
