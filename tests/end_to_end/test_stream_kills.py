"""Functions that die under load: nothing is lost, nothing is decided twice."""

from __future__ import annotations

import time

from tests.end_to_end.conftest import MakeRig
from tests.end_to_end.stream_rig import decided_once

RATE_TPS = 150.0
LOAD_S = 8.0
KILL_EVERY_S = 1.8


def test_functions_killed_while_load_runs_by_both_ways_in(make_rig: MakeRig) -> None:
    rig = make_rig("--shards=2", "--decision-shards=2", "--no-scaling")
    loads = (rig.load_stream(RATE_TPS, LOAD_S), rig.load_gateway(RATE_TPS, LOAD_S))
    rig.until_decided(loads, 1)
    killed: set[int] = set()
    end_s = time.monotonic() + LOAD_S
    while time.monotonic() < end_s and all(load.running for load in loads):
        killed.update(rig.platform.functions())
        rig.platform.kill_functions()
        time.sleep(KILL_EVERY_S)
    results = [load.result() for load in loads]
    for result in results:
        decided_once(result)
        assert result["accounting"]["accepted"] > 0.9 * RATE_TPS * LOAD_S
        assert sum(agent["decisions"] for agent in result["agents"]) > 0
    assert len(killed) >= 4
    report = rig.audit()
    recorded = sum(result["accounting"]["seen"] for result in results)
    assert report["transactions"] == recorded
    assert rig.given_up() == []
