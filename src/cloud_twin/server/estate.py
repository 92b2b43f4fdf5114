"""All that the twin holds, as one: limits, usage, reset, close."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence

from cloud_twin.clock import Clock
from cloud_twin.errors import TwinError
from cloud_twin.faults import FaultBook
from cloud_twin.meter import Meter
from cloud_twin.server.attempts import Attempts
from cloud_twin.service import Service

log = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 5.0


class Estate:
    """Services in the order in which they depend on each other: the first needs no other."""

    def __init__(
        self,
        services: Sequence[Service],
        clock: Clock,
        meter: Meter,
        faults: FaultBook,
        attempts: Attempts,
        reset_moto: Callable[[], Awaitable[None]],
    ) -> None:
        self._services = tuple(services)
        self._clock = clock
        self._meter = meter
        self._faults = faults
        self._attempts = attempts
        self._reset_moto = reset_moto
        self.since_wall_s = clock.wall_s()
        """Since when usage is counted."""

    def names(self) -> list[str]:
        """Names of all services."""
        return [service.name for service in self._services]

    def limits(self) -> dict[str, dict[str, float | None]]:
        """Quotas by service; None where there is none."""
        return {
            service.name: {
                name: None if math.isinf(value) else value
                for name, value in sorted(service.limits().items())
            }
            for service in self._services
        }

    def set_limits(self, changes: Mapping[str, Mapping[str, float]]) -> None:
        """Change quotas, all or none. Raises ``TwinError`` with every problem."""
        problems = []
        done: list[tuple[Service, dict[str, float]]] = []
        for service in self._services:
            wanted = changes.get(service.name)
            if not wanted:
                continue
            before = service.limits()
            try:
                service.set_limits(wanted)
            except TwinError as error:
                problems.append(f"{service.name}: {error}")
            else:
                done.append((service, {name: before[name] for name in wanted}))
        if problems:
            for service, before in done:
                service.set_limits(before)
            raise TwinError("; ".join(problems))

    async def reset(self) -> None:
        """Forget everything, dependants first; quotas as at the start."""
        self._faults.clear()
        for service in reversed(self._services):
            await service.reset()
        await self._reset_moto()
        self._meter.reset()
        self._attempts.clear()
        self.since_wall_s = self._clock.wall_s()

    async def close(self) -> None:
        """End every service, dependants first; one that hangs does not stop the rest."""
        for service in reversed(self._services):
            try:
                await asyncio.wait_for(service.close(), CLOSE_TIMEOUT_S)
            except Exception:
                log.exception("%s could not be closed", service.name)
