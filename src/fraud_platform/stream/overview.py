"""Figures of the whole platform in stream mode: functions, gateways, streams and scaling as one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fraud_platform.monitoring.merging import merged_figures
from fraud_platform.stream.adapters.coordination_table import DynamoBoard
from fraud_platform.stream.figures import merged_environments
from fraud_platform.stream.gateway_figures import merged_gateways

_FRESH_S = 1.0
"""Figures are read from the table at most this often."""
GATEWAY_LIVELY_S = 10.0
"""A gateway that has published within this time counts as running."""


class Overview:
    """Merges what functions and gateways publish. ``own`` gives this gateway's figures."""

    def __init__(
        self,
        functions: DynamoBoard,
        gateways: DynamoBoard,
        name: str,
        own: Callable[[], Mapping[str, Any]],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._functions = functions
        self._gateways = gateways
        self._name = name
        self._own = own
        self._wall_clock = wall_clock
        self._began_s = wall_clock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="figures")
        self._read_s = 0.0
        self._known: dict[str, Any] = {}
        self._reading = asyncio.Lock()

    async def figures(self) -> dict[str, Any]:
        """As in inline mode, and ``mode``, ``environments``, ``stream`` and ``scaling``.

        ``autoscaler`` too, where a gateway scales. Raises ``StoreError``.
        """
        async with self._reading:
            now_s = self._wall_clock()
            if now_s - self._read_s >= _FRESH_S:
                loop = asyncio.get_running_loop()
                self._known = await loop.run_in_executor(self._thread, self._read)
                self._read_s = now_s
            return self._known

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _read(self) -> dict[str, Any]:
        own = dict(self._own())
        self._gateways.publish(self._name, own)
        now_s = self._wall_clock()
        functions = merged_environments(self._functions.read(), now_s, now_s - self._began_s)
        others = [
            figures
            for name, figures in self._gateways.read().items()
            if name != self._name and now_s - figures["published_s"] < GATEWAY_LIVELY_S
        ]
        gateways = [own, *others]
        merged = merged_figures(functions, gateways)
        merged["processes"] = len(gateways) + functions["environments"]["running"]
        merged["mode"] = "stream"
        merged |= merged_gateways(gateways)
        return merged
