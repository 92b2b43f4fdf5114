"""Figures of several processes as one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraud_platform.monitoring.histogram import merged


def merged_figures(
    core: Mapping[str, Any], gateways: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The core's figures with the sums over all gateways.

    A gateway's figures are ``busy_s``, ``queue`` (``depth``, ``depth_max``, ``limit``, ``shed``),
    ``answers`` (by status) and ``latency`` (histogram slots). Histograms are added up, never
    averaged. ``depth_max`` is the largest of one gateway: what certainly was there at once.
    """
    answers: dict[str, int] = {}
    for gateway in gateways:
        for status, count in gateway["answers"].items():
            answers[status] = answers.get(status, 0) + count
    latency = merged(
        {int(slot): count for slot, count in gateway["latency"].items()} for gateway in gateways
    )
    busy_s = sum(gateway["busy_s"] for gateway in gateways)
    return {
        **core,
        "processes": 1 + sum(not gateway["shares_core"] for gateway in gateways),
        "stages": [{"name": "gateway", "busy_s": round(busy_s, 4)}, *core["stages"]],
        "queue": {
            "depth_max": max((one["queue"].get("depth_max", 0) for one in gateways), default=0),
            **{
                key: sum(gateway["queue"][key] for gateway in gateways)
                for key in ("depth", "limit", "shed")
            },
        },
        "answers": answers,
        "latency_ms": latency.summary_ms(),
    }
