"""Disturbances in inline mode: the core puts them in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraud_platform.gateway.core_client import CoreClient
from fraud_platform.gateway.disturbances import NotDisturbableError


class CoreDisturber:
    """The port ``Disturber``; asks ``core.control``."""

    def __init__(self, core: CoreClient) -> None:
        self._core = core

    async def begin(self, what: Mapping[str, Any], lease_s: float) -> Mapping[str, Any]:
        """See the port."""
        answer = await self._core.control({"do": "begin", "what": what, "lease_s": lease_s})
        if "refused" in answer:
            raise NotDisturbableError(answer["refused"])
        begun: Mapping[str, Any] = answer["result"]
        return begun

    async def renew(self, name: str, lease_s: float) -> Mapping[str, Any] | None:
        """See the port."""
        answer = await self._core.control({"do": "renew", "id": name, "lease_s": lease_s})
        renewed: Mapping[str, Any] | None = answer["result"]
        return renewed

    async def end(self, name: str) -> bool:
        """See the port."""
        return bool((await self._core.control({"do": "end", "id": name}))["result"])

    async def in_force(self) -> Sequence[Mapping[str, Any]]:
        """See the port."""
        everything: Sequence[Mapping[str, Any]] = (await self._core.control({"do": "list"}))[
            "result"
        ]
        return everything
