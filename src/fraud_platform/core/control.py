"""Disturbances on request, in the process that decides. Only where they were allowed at the start.

Agents are disturbed here. A gateway is told to go out of service, as in a rolling restart: it
ends its connections with their next answers and takes no new ones until its lease is over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from fraud_platform.agents.disturbance import DisturbanceBook, Leased, disturbance_of
from fraud_platform.core.frames import LEAVE
from fraud_platform.core.link import LinkServer

log = logging.getLogger(__name__)

NEEDS_TWO = (
    "a gateway can only be away where another is left: start the platform with --processes 3"
)


@dataclass(slots=True)
class _Away:
    """A gateway out of service until ``until_s``."""

    name: str
    gateway: int
    until_s: float


class CoreControl:
    """Answers the gateways' questions; one thread."""

    def __init__(
        self, book: DisturbanceBook, links: LinkServer, clock: Callable[[], float]
    ) -> None:
        self._book = book
        self._links = links
        self._clock = clock
        self._away: dict[str, _Away] = {}
        self._numbers = count(1)

    def answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """``{"result": …}``, or ``{"refused": why}``. Questions are those of ``CoreDisturber``."""
        self._expire()
        name, lease_s = question.get("id", ""), question.get("lease_s", 0.0)
        match question["do"]:
            case "begin" if question["what"].get("gateway"):
                return self._send_away(lease_s)
            case "begin":
                leased = self._book.begin(disturbance_of(question["what"]), lease_s)
                return {"result": self._document(leased)}
            case "renew":
                return {"result": self._renew(name, lease_s)}
            case "end":
                return {"result": self._come_back(name) or self._book.end(name)}
        everything = [self._away_document(away) for away in self._away.values()]
        return {"result": [*everything, *map(self._document, self._book.leased())]}

    def _send_away(self, lease_s: float) -> dict[str, Any]:
        gone = {away.gateway for away in self._away.values()}
        left = sorted(self._links.numbers() - gone)
        if len(left) < 2:
            return {"refused": NEEDS_TWO}
        away = _Away(f"g{next(self._numbers)}", left[0], self._clock() + lease_s)
        self._away[away.name] = away
        self._links.send(away.gateway, (LEAVE, lease_s))
        log.warning("disturbance %s: gateway %d goes out of service", away.name, away.gateway)
        return {"result": self._away_document(away)}

    def _renew(self, name: str, lease_s: float) -> dict[str, Any] | None:
        away = self._away.get(name)
        if away is not None:
            away.until_s = self._clock() + lease_s
            self._links.send(away.gateway, (LEAVE, lease_s))
            return self._away_document(away)
        leased = self._book.renew(name, lease_s)
        return None if leased is None else self._document(leased)

    def _come_back(self, name: str) -> bool:
        away = self._away.pop(name, None)
        if away is None:
            return False
        self._links.send(away.gateway, (LEAVE, 0.0))
        log.warning("disturbance %s was ended: gateway %d comes back", name, away.gateway)
        return True

    def _expire(self) -> None:
        """A gateway comes back by itself when its lease is over, even if this process has died."""
        present, now_s = self._links.numbers(), self._clock()
        for away in list(self._away.values()):
            if away.until_s <= now_s or away.gateway not in present:
                del self._away[away.name]

    def _away_document(self, away: _Away) -> dict[str, Any]:
        left_s = round(away.until_s - self._clock(), 3)
        return {"id": away.name, "gateway": "away", "left_s": left_s}

    def _document(self, leased: Leased) -> dict[str, Any]:
        return disturbance_document(leased, self._book.left_s(leased))


def disturbance_document(leased: Leased, left_s: float) -> dict[str, Any]:
    """An agent's disturbance as it is answered and stored."""
    one = leased.disturbance
    document: dict[str, Any] = {"id": leased.id, "agent": one.agent}
    if one.fails:
        document["fails"] = True
    else:
        document["delay_ms"] = round(one.delay_s * 1000, 3)
        if one.delay_s_max > one.delay_s:
            document["delay_ms_max"] = round(one.delay_s_max * 1000, 3)
    return {**document, "left_s": round(left_s, 3)}
