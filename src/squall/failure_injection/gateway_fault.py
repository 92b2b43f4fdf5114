"""A gateway out of service, at the platform's own control of disturbances."""

from __future__ import annotations

from squall.failure_injection.platform_control import Disturbance, platform_url
from squall.models.fault_spec import GatewayFault
from squall.targets.installation import Installation


class GatewayAway:
    """The fault ``gateway``; raises ``ConfigurationError`` where there is no platform."""

    def __init__(self, spec: GatewayFault, installation: Installation) -> None:
        self._disturbance = Disturbance(
            platform_url(installation.platform_url, spec.name), {"gateway": "away"}
        )

    @property
    def what(self) -> str:
        """What goes wrong, in a sentence."""
        return "one gateway is out of service, as in a rolling restart"

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
