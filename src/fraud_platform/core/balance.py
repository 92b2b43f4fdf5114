"""Is the work of the gateways even, and which of them should let connections go?

Clients keep their connections, so after a gateway was away its work stays with the others for as
long as the clients live. The imbalance is how far the busiest gateway is above their mean, as a
share of the mean: (max − mean) ÷ mean of the transactions answered in a window (load imbalance
after Sakellariou and Gurd, ICS 1997). Where it stays over the limit, the busiest gateway is asked
to end some connections with its next answers; their clients connect again, and the kernel deals
new connections to all gateways alike.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from math import ceil
from typing import Any, NamedTuple

log = logging.getLogger(__name__)

IMBALANCE_LIMIT = 0.30
"""Above it the work is moved."""
PATIENCE_S = 5.0
"""How long it must last first: a short peak is no reason to move anything."""
WINDOW_S = 6.0
"""Time over which work is compared."""
_ENOUGH_S = 4.0
"""A shorter window says nothing."""
_LEAST_TPS = 25.0
"""Below this mean rate there is no load to be balanced, and what is seen is mostly chance."""
_SETTLE_S = 2.0
"""After a move: connections end with their next answers, and what was before says nothing."""
_MOST_SHARE = 0.9
_AT_ONCE = 500
_AT_ONCE_SHARE = 0.25
"""Clients must not all connect at the same moment: most that are moved in one step is so many
connections, or this share of them if that is more."""


class Move(NamedTuple):
    """So many connections are to leave this gateway."""

    gateway: int
    connections: int


@dataclass(slots=True)
class _Gateway:
    connections: int = 0
    readings: deque[tuple[float, int]] = field(default_factory=deque)
    """Time and transactions answered so far."""

    def rate_tps(self) -> float | None:
        """Transactions answered a second; None where it is not known for long enough."""
        if not self.readings:
            return None
        (first_s, before), (last_s, after) = self.readings[0], self.readings[-1]
        elapsed_s = last_s - first_s
        return None if elapsed_s < _ENOUGH_S else (after - before) / elapsed_s


class Balancer:
    """Told by the gateways what they do; tells what is to be moved. Times are of one clock."""

    def __init__(self) -> None:
        self.imbalance_share: float | None = None
        """As last measured under load."""
        self.imbalance_share_max = 0.0
        self.rebalancings = 0
        """Times that work was moved and came out even."""
        self.connections_moved = 0
        self.last_rebalanced_s: float | None = None
        """How long the last of them took, from the first sight of the imbalance."""
        self.longest_unbalanced_s = 0.0
        self._gateways: dict[int, _Gateway] = {}
        self._most_gateways = 0
        self._since_s: float | None = None
        self._moved = 0
        """Connections asked for in this imbalance."""
        self._settled_s = 0.0

    def report(
        self, gateway: int, answered: int, connections: int, serving: bool, now_s: float
    ) -> None:
        """What a gateway says: answers so far, connections, and whether it is in service."""
        if not serving:
            self._gateways.pop(gateway, None)
            return
        known = self._gateways.setdefault(gateway, _Gateway())
        known.connections = connections
        if now_s >= self._settled_s:
            known.readings.append((now_s, answered))
        while len(known.readings) > 2 and known.readings[1][0] <= now_s - WINDOW_S:
            known.readings.popleft()
        self._most_gateways = max(self._most_gateways, len(self._gateways))

    def look(self, present: Collection[int], now_s: float) -> Move | None:
        """What is to be moved now, if anything. ``present``: the gateways that are alive."""
        for gone in self._gateways.keys() - set(present):
            del self._gateways[gone]
        if self._since_s is not None:  # not known to be over
            self.longest_unbalanced_s = max(self.longest_unbalanced_s, now_s - self._since_s)
        rates = {number: one.rate_tps() for number, one in self._gateways.items()}
        known = {number: rate for number, rate in rates.items() if rate is not None}
        if len(known) < len(rates):
            return None  # somebody has just come, or work has just been moved
        mean = sum(known.values()) / len(known) if known else 0.0
        if len(known) < 2 or mean < _LEAST_TPS:
            self._since_s = None
            return None
        busiest = max(known, key=lambda number: known[number])
        imbalance = self.imbalance_share = known[busiest] / mean - 1.0
        self.imbalance_share_max = max(self.imbalance_share_max, imbalance)
        if imbalance <= IMBALANCE_LIMIT:
            self._even(now_s)
            return None
        if self._since_s is None:
            self._since_s, self._moved = now_s, 0
        if now_s - self._since_s < PATIENCE_S:
            return None
        return self._move(busiest, imbalance, now_s)

    def figures(self) -> dict[str, Any] | None:
        """For the dashboard; None where there never were two gateways to balance."""
        if self._most_gateways < 2:
            return None
        return {
            "units": len(self._gateways),
            "imbalance_share": _rounded(self.imbalance_share),
            "imbalance_share_max": round(self.imbalance_share_max, 4),
            "rebalancings": self.rebalancings,
            "connections_moved": self.connections_moved,
            "last_rebalanced_s": _rounded(self.last_rebalanced_s),
            "longest_unbalanced_s": round(self.longest_unbalanced_s, 3),
            "processes": [
                {
                    "name": f"gateway_{number}",
                    "answered_tps": _rounded(one.rate_tps()),
                    "connections": one.connections,
                }
                for number, one in sorted(self._gateways.items())
            ],
        }

    def _even(self, now_s: float) -> None:
        if self._since_s is not None and self._moved:
            self.rebalancings += 1
            self.last_rebalanced_s = now_s - self._since_s
            log.info(
                "balance: even again after %.1f s and %d connections moved; imbalance %.0f %%",
                self.last_rebalanced_s, self._moved, 100 * (self.imbalance_share or 0.0),
            )  # fmt: skip
        self._since_s = None

    def _move(self, busiest: int, imbalance: float, now_s: float) -> Move | None:
        """Connections in proportion to the excess; 1 in n of them come back by chance."""
        gateway = self._gateways[busiest]
        count = len(self._gateways)
        excess = imbalance / (1.0 + imbalance) * count / (count - 1)
        wanted = ceil(gateway.connections * min(excess, _MOST_SHARE))
        if not wanted:
            return None
        most = max(_AT_ONCE, ceil(gateway.connections * _AT_ONCE_SHARE))
        move = Move(busiest, min(wanted, most))
        self._moved += move.connections
        self.connections_moved += move.connections
        log.warning(
            "balance: gateway %d does %.0f %% more than the mean of %d; %d of its %d connections"
            " are moved",
            busiest, 100 * imbalance, count, move.connections, gateway.connections,
        )  # fmt: skip
        self._settled_s = now_s + _SETTLE_S
        for one in self._gateways.values():
            one.readings.clear()
        return move


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
