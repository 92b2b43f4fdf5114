"""An agent that fails or is late, at the platform's own control of disturbances."""

from __future__ import annotations

from typing import Any

from squall.failure_injection.platform_control import Disturbance, platform_url
from squall.models.fault_spec import AgentFault
from squall.targets.installation import Installation


class AgentDisturbance:
    """The fault ``agent``; raises ``ConfigurationError`` where there is no platform."""

    def __init__(self, spec: AgentFault, installation: Installation) -> None:
        self._spec = spec
        self._disturbance = Disturbance(
            platform_url(installation.platform_url, spec.name), _request(spec)
        )

    @property
    def what(self) -> str:
        """What goes wrong, in a sentence."""
        spec = self._spec
        if spec.fails:
            return f"agent {spec.agent} fails"
        if spec.delay_ms_max is not None:
            return f"agent {spec.agent} takes {spec.delay_ms:g} to {spec.delay_ms_max:g} ms more"
        return f"agent {spec.agent} takes {spec.delay_ms:g} ms more"

    async def begin(self, lease_s: float) -> None:
        """Put it in force."""
        await self._disturbance.begin(lease_s)

    async def renew(self, lease_s: float) -> None:
        """Let it last so long from now."""
        await self._disturbance.renew(lease_s)

    async def end(self) -> None:
        """End it now."""
        await self._disturbance.end()

    async def close(self) -> None:
        """Close the connection to the platform."""
        await self._disturbance.close()


def _request(spec: AgentFault) -> dict[str, Any]:
    fields = {"fails": spec.fails or None, "delay_ms": spec.delay_ms}
    fields["delay_ms_max"] = spec.delay_ms_max
    given = {name: value for name, value in fields.items() if value is not None}
    return {"agent": spec.agent, **given}
