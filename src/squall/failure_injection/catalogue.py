"""Which class carries out which specification."""

from __future__ import annotations

from squall.failure_injection.agent_fault import AgentDisturbance
from squall.failure_injection.aws_fault import AwsFaultPlan
from squall.failure_injection.external_check_fault import ChecksDisturbance
from squall.failure_injection.fault import Fault
from squall.failure_injection.gateway_fault import GatewayAway
from squall.models import AgentFault, AwsFault, ExternalCheckFault, FaultSpec, GatewayFault
from squall.targets.installation import Installation


def make_fault(spec: FaultSpec, installation: Installation) -> Fault:
    """The fault that a specification describes, for a target's parts.

    Raises:
        ConfigurationError: the target cannot be disturbed that way.
    """
    match spec:
        case AwsFault():
            return AwsFaultPlan(spec, installation)
        case AgentFault():
            return AgentDisturbance(spec, installation)
        case GatewayFault():
            return GatewayAway(spec, installation)
        case ExternalCheckFault():
            return ChecksDisturbance(spec, installation)
        case _:
            raise NotImplementedError(spec.type)
