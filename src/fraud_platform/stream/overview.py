"""Figures of the whole platform in stream mode: functions, gateways, streams and scaling as one."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fraud_platform.monitoring.merging import merged_figures
from fraud_platform.stream.adapters.coordination_table import DynamoBoard
from fraud_platform.stream.figures import merged_environments

_FRESH_S = 1.0
"""Figures are read from the table at most this often."""
_GATEWAY_LIVELY_S = 10.0
EVENTS_KEPT = 100


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
        self.events: deque[Mapping[str, Any]] = deque(maxlen=EVENTS_KEPT)
        """What the autoscaler has done, newest last."""

    async def figures(self) -> dict[str, Any]:
        """As in inline mode, and ``mode``, ``environments``, ``stream`` and ``scaling``."""
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
        gateways = {
            name: figures
            for name, figures in self._gateways.read().items()
            if name == self._name or now_s - figures["published_s"] < _GATEWAY_LIVELY_S
        }
        merged = merged_figures(functions, list(gateways.values()))
        merged["processes"] = len(gateways) + functions["environments"]["running"]
        merged["mode"] = "stream"
        merged["stream"] = own["stream"]
        merged["scaling"] = list(self.events)
        return merged
