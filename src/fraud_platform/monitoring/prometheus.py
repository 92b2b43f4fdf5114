"""``GET /metrics``: the platform's figures as Prometheus text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

_AGENT_COUNTERS = (
    ("decisions", "Transactions an agent voted on in time."),
    ("timeouts", "Transactions decided without an agent because it was late."),
    ("failures", "Transactions decided without an agent because it failed."),
    ("outages", "Times that an agent was logged as missing."),
)
_COORDINATOR_COUNTERS = (
    ("decisions", "Transactions decided."),
    ("complete", "Transactions on which every agent voted."),
    ("disagreements", "Decisions on which the agents were at odds."),
    ("vetoes", "Transactions declined by a veto."),
    ("fallbacks", "Transactions decided with an agent missing."),
    ("quorum_failures", "Transactions held for review for lack of agents."),
)


def metrics_text(figures: Mapping[str, Any]) -> bytes:
    """All figures; names begin with ``fraud_platform_`` and end in their unit."""
    lines: list[str] = []
    for name, text in _AGENT_COUNTERS:
        samples = [({"agent": agent["name"]}, agent[name]) for agent in figures["agents"]]
        _metric(lines, f"agent_{name}_total", "counter", text, samples)
    agents = figures["agents"]
    _metric(
        lines, "agent_busy_seconds_total", "counter", "Time an agent spent on its votes.",
        [({"agent": agent["name"]}, agent["busy_s"]) for agent in agents],
    )  # fmt: skip
    _metric(
        lines, "agent_healthy", "gauge", "1 unless an agent is late or failing.",
        [({"agent": agent["name"]}, int(agent["healthy"])) for agent in agents],
    )  # fmt: skip
    for name, text in _COORDINATOR_COUNTERS:
        value = figures["coordinator"][name]
        _metric(lines, f"coordinator_{name}_total", "counter", text, [({}, value)])
    _conflicts(lines, figures["coordinator"]["conflict_latency_ms"])
    _metric(
        lines, "stage_busy_seconds_total", "counter", "CPU or wall time spent in a stage.",
        [({"stage": stage["name"]}, stage["busy_s"]) for stage in figures["stages"]],
    )  # fmt: skip
    _metric(
        lines, "answers_total", "counter", "Answers to transactions by HTTP status.",
        [({"status": status}, n) for status, n in sorted(figures["answers"].items())],
    )  # fmt: skip
    _balance(lines, figures.get("balance"))
    queue = figures["queue"]
    _metric(lines, "queue_depth", "gauge", "Transactions on their way.", [({}, queue["depth"])])
    _metric(lines, "queue_limit", "gauge", "Most that may be on their way.", [({}, queue["limit"])])
    _metric(
        lines, "queue_shed_total", "counter", "Transactions not taken in.", [({}, queue["shed"])]
    )
    _metric(
        lines, "answer_latency_milliseconds", "summary", "From request to answer.",
        [
            ({"quantile": f"0.{percent}"}, figures["latency_ms"][f"p{percent}"])
            for percent in (50, 95, 99)
            if figures["latency_ms"][f"p{percent}"] is not None
        ],
    )  # fmt: skip
    return ("\n".join(lines) + "\n").encode()


def _conflicts(lines: list[str], latency_ms: Mapping[str, float | None]) -> None:
    quantiles = (("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99"), ("1", "max"))
    _metric(
        lines, "conflict_latency_milliseconds", "summary",
        "From the first vote to the settlement, where agents disagree.",
        [
            ({"quantile": quantile}, value)
            for quantile, name in quantiles
            if (value := latency_ms[name]) is not None
        ],
    )  # fmt: skip


def _balance(lines: list[str], balance: Mapping[str, Any] | None) -> None:
    """Only where there are gateways to compare."""
    if balance is None:
        return
    if balance["imbalance_share"] is not None:
        _metric(
            lines, "gateway_imbalance_ratio", "gauge", "Busiest gateway above their mean.",
            [({}, balance["imbalance_share"])],
        )  # fmt: skip
    _metric(
        lines, "rebalancings_total", "counter", "Times that work was moved and came out even.",
        [({}, balance["rebalancings"])],
    )  # fmt: skip


def _metric(
    lines: list[str],
    name: str,
    kind: str,
    text: str,
    samples: Iterable[tuple[Mapping[str, str], float]],
) -> None:
    full = f"fraud_platform_{name}"
    lines.append(f"# HELP {full} {text}")
    lines.append(f"# TYPE {full} {kind}")
    for labels, value in samples:
        inside = ",".join(f'{key}="{label}"' for key, label in labels.items())
        lines.append(f"{full}{{{inside}}} {value}" if inside else f"{full} {value}")
