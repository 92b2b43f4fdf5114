"""What gateways publish about their streams and about scaling, as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_Parts = Sequence[Mapping[str, Any]]


def merged_gateways(gateways: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``stream`` and ``scaling``, and ``autoscaler`` where a gateway scales.

    Gateways share the work of putting, so what they put adds up. Each of them reads every decision,
    so of those there are as many as the one has seen that has seen most.
    """
    merged: dict[str, Any] = {
        "stream": _stream([one["stream"] for one in gateways]),
        "scaling": sorted(
            (event for one in gateways for event in one.get("scaling", ())),
            key=lambda event: str(event["at"]),
        ),
    }
    scalers = [one["autoscaler"] for one in gateways if "autoscaler" in one]
    if scalers:
        merged["autoscaler"] = _autoscaler(scalers)
    return merged


def _stream(parts: _Parts) -> dict[str, Any]:
    puts, reads = [one["put"] for one in parts], [one["read"] for one in parts]
    return {
        "put": {name: _sum(puts, name) for name in dict.fromkeys(n for put in puts for n in put)},
        "read": {
            "records": _most(reads, "records"),
            "expired_iterators": _sum(reads, "expired_iterators"),
            "failures": _sum(reads, "failures"),
            "behind_ms": _most(reads, "behind_ms"),
        },
        "decided": _most(parts, "decided"),
        "answered_without_decision": _sum(parts, "answered_without_decision"),
    }


def _autoscaler(parts: _Parts) -> dict[str, Any]:
    reactions_s = [one["reaction_s_max"] for one in parts if one["reaction_s_max"] is not None]
    return {
        "changes": _sum(parts, "changes"),
        "reaction_s_max": max(reactions_s, default=None),
        "over_80_share_s_max": _most(parts, "over_80_share_s_max"),
    }


def _sum(parts: Iterable[Mapping[str, Any]], name: str) -> Any:
    return sum(one.get(name, 0) for one in parts)


def _most(parts: Iterable[Mapping[str, Any]], name: str) -> Any:
    return max((one[name] for one in parts), default=0)
