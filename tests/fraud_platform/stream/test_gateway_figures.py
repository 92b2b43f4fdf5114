"""Several gateways' figures as one, whichever of them is asked."""

from __future__ import annotations

from typing import Any, cast

import orjson

from fraud_platform.gateway.agent_dashboard_api import AgentDashboardAPI
from fraud_platform.stream.adapters.coordination_table import DynamoBoard
from fraud_platform.stream.gateway_figures import merged_gateways
from fraud_platform.stream.overview import GATEWAY_LIVELY_S, Overview

PACE = {"changes": 1, "reaction_s_max": 4.5, "over_80_share_s_max": 30.0}


def gateway(put: int, seen: int, **more: Any) -> dict[str, Any]:
    return {
        "busy_s": 1.0,
        "shares_core": False,
        "queue": {"depth": 1, "depth_max": 2, "limit": 10, "shed": 0},
        "answers": {"202": put},
        "latency": {},
        "stream": {
            "put": {"transactions": put, "busy_s": put / 10, "depth": 1},
            "read": {
                "records": seen, "expired_iterators": 1, "failures": 2, "behind_ms": 10.0 * put,
            },
            "decided": seen,
            "answered_without_decision": 3,
        },
        **more,
    }  # fmt: skip


def event(at: str) -> dict[str, Any]:
    return {"at": at, "what": "shards of transactions", "before": 2, "after": 3, "reason": "use"}


def test_puts_add_up_and_decisions_that_all_see_do_not() -> None:
    assert merged_gateways([gateway(5, 70), gateway(7, 80)])["stream"] == {
        "put": {"transactions": 12, "busy_s": 1.2, "depth": 2},
        "read": {"records": 80, "expired_iterators": 2, "failures": 4, "behind_ms": 70.0},
        "decided": 80,
        "answered_without_decision": 6,
    }


def test_scaling_is_listed_in_order_and_left_out_where_nobody_scales() -> None:
    nobody = merged_gateways([gateway(1, 1), gateway(1, 1)])
    assert nobody["scaling"] == []
    assert "autoscaler" not in nobody
    idle = {"changes": 0, "reaction_s_max": None, "over_80_share_s_max": 45.0}
    two = merged_gateways(
        [
            gateway(1, 1, scaling=[event("2026-01-02"), event("2026-01-04")], autoscaler=PACE),
            gateway(1, 1, scaling=[event("2026-01-03")], autoscaler=idle),
            gateway(1, 1),
        ]
    )
    assert [one["at"] for one in two["scaling"]] == ["2026-01-02", "2026-01-03", "2026-01-04"]
    assert two["autoscaler"] == {
        "changes": 1, "reaction_s_max": 4.5, "over_80_share_s_max": 45.0,
    }  # fmt: skip
    assert merged_gateways([gateway(1, 1, autoscaler=idle)])["autoscaler"] == idle


class Board:
    """A board shared by gateways; what is read may be older than what was written."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.rows: dict[str, dict[str, Any]] = {}

    def publish(self, name: str, figures: dict[str, Any]) -> None:
        self.rows[name] = {**orjson.loads(orjson.dumps(figures)), "published_s": self.now_s}

    def read(self) -> dict[str, dict[str, Any]]:
        return dict(self.rows)


def overview(board: Board, name: str, own: dict[str, Any]) -> Overview:
    functions = cast(DynamoBoard, Board())
    return Overview(functions, cast(DynamoBoard, board), name, lambda: own, lambda: board.now_s)


async def test_every_gateway_tells_the_same() -> None:
    board = Board()
    ours = overview(board, "a", gateway(5, 70))
    other = overview(board, "b", gateway(7, 80, scaling=[event("2026-01-02")], autoscaler=PACE))
    await ours.figures()
    board.now_s += 2.0
    theirs = await other.figures()
    board.now_s += 2.0
    figures = await ours.figures()
    for name in ("stream", "scaling", "autoscaler", "queue", "answers", "processes"):
        assert figures[name] == theirs[name], name
    assert figures["stream"]["put"]["transactions"] == 12
    assert figures["processes"] == 2
    shown = orjson.loads(AgentDashboardAPI.render(figures))
    assert shown["autoscaler"] == PACE
    assert shown["coordinator"]["complete"] == 0
    board.now_s += GATEWAY_LIVELY_S  # the other one has gone
    gone = await ours.figures()
    assert gone["stream"]["put"]["transactions"] == 5
    assert "autoscaler" not in gone
    ours.close()
    other.close()


async def test_a_gateway_knows_itself_before_its_board_does() -> None:
    board = Board()
    ours = overview(board, "a", gateway(5, 70, autoscaler=PACE))
    board.read = dict  # type: ignore[method-assign]
    assert (await ours.figures())["autoscaler"] == PACE
    ours.close()
