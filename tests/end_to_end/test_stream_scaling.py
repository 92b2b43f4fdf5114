"""The platform scales by itself while load runs (R1.5), and the load goes on."""

from __future__ import annotations

import time

from tests.end_to_end.conftest import MakeRig
from tests.end_to_end.stream_rig import decided_once, wait_for

RATE_TPS = 150.0
LOAD_S = 18.0
SHARD_RECORDS_S = 120
"""What the twin lets a shard take, so that a small load is too much for one."""
SCALED_WITHIN_S = 60.0


def test_a_stream_at_its_capacity_gets_shards_within_a_minute(make_rig: MakeRig) -> None:
    rig = make_rig("--shards=1", "--decision-shards=2")
    rig.twin.control("PATCH", "limits", {"kinesis": {"records_per_shard_s": SHARD_RECORDS_S}})
    load = rig.load_stream(RATE_TPS, LOAD_S)
    rig.until_decided([load], 1)
    began_s = time.monotonic()
    name = rig.platform.names.transactions
    kinesis = rig.twin.client("kinesis")

    def more_shards() -> bool:
        summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        return bool(summary["OpenShardCount"] >= 2 and summary["StreamStatus"] == "ACTIVE")

    wait_for("another shard", more_shards, SCALED_WITHIN_S - (time.monotonic() - began_s))
    told = wait_for("a word about it", lambda: scaled(rig.dashboard()), 10)
    assert told["before"] == 1
    assert told["after"] == 2
    assert told["reason"]
    log = rig.platform.log.read_text()
    assert f"scaling: shards of transactions from 1 to 2: {told['reason']}" in log
    assert load.running  # it happened under load, not after it
    result = load.result()
    decided_once(result)
    assert result["accounting"]["accepted"] == RATE_TPS * LOAD_S
    places = {receipt["place"] for receipt in result["receipts"]}
    assert len(places) >= 3, "the new shards have taken records"


def scaled(dashboard: dict[str, list[dict[str, object]]]) -> dict[str, object] | None:
    for change in dashboard["scaling"]:
        if change["what"] == "shards of transactions":
            return change
    return None
