"""AWS fails under load: waited for, with backoff, and nothing is lost or decided twice."""

from __future__ import annotations

import urllib.error
import urllib.request
from itertools import pairwise
from typing import Any

import pytest
from tests.end_to_end.conftest import MakeRig
from tests.end_to_end.stream_rig import StreamRig, decided_once, wait_for

RATE_TPS = 60.0
OUTAGE_S = 10.0
PARTITION_S = 6.0
BACKOFF_BASE_S, BACKOFF_LONGEST_S = 0.05, 10.0
"""The platform's own: a random part of base · 2ⁿ (``stream.backoff``)."""


@pytest.fixture(scope="module")
def rig(make_rig: MakeRig) -> StreamRig:
    return make_rig("--shards=2", "--decision-shards=2", "--no-scaling")


def healed(rig: StreamRig, fault: str) -> None:
    """Wait until a fault has ended by itself, and see that it hit something."""

    def ended() -> dict[str, Any] | None:
        listed = rig.twin.control("GET", "faults")["faults"]
        (found,) = [entry for entry in listed if entry["id"] == fault]
        return found if found["state"] == "ended" else None

    assert wait_for("the end of the fault", ended, 60)["hits"] > 0


def test_a_table_that_is_away_is_tried_again_ever_more_slowly(rig: StreamRig) -> None:
    """R7.2: ten seconds without the decision table."""
    load = rig.load_stream(RATE_TPS, OUTAGE_S + 2)
    rig.until_decided([load], 1)
    fault = rig.twin.fault(
        service="dynamodb", resource=rig.platform.names.decision_table, lease_s=OUTAGE_S,
        when="before", error={"code": "InternalServerError"},
    )  # fmt: skip
    healed(rig, fault)
    result = load.result()
    decided_once(result)
    assert result["accounting"]["accepted"] == RATE_TPS * (OUTAGE_S + 2)
    seen = rig.twin.control(
        "GET", "attempts?service=dynamodb&operation=TransactWriteItems&retried=true&limit=1000"
    )
    tried = max((call["attempts"] for call in seen["calls"]), key=len)
    assert 5 <= len(tried) < 60  # in steps of 50 ms there would be 200
    begun_s = [attempt["at_s"] for attempt in tried]
    waits_s = [after - before for before, after in pairwise(begun_s)]
    for failures, wait_s in enumerate(waits_s, 1):
        longest_s = min(BACKOFF_LONGEST_S, BACKOFF_BASE_S * 2**failures)
        assert wait_s < longest_s + 2.0  # a crowded machine wakes late
    assert max(waits_s) > 3 * min(waits_s)
    assert tried[0]["error"] == "InternalServerError"
    assert tried[-1]["status"] in (200, 400)  # through, or refused by a condition
    assert rig.given_up() == []


def test_expired_iterators_are_made_anew_behind_the_checkpoint(rig: StreamRig) -> None:
    """R7.3: the gateway hears of every decision, once."""
    before = rig.dashboard()["stream"]
    load = rig.load_gateway(RATE_TPS, 8)
    rig.until_decided([load], 1 + rig.dashboard()["coordinator"]["decisions"])
    fault = rig.twin.fault(
        service="kinesis", operation="GetRecords", resource=rig.platform.names.decisions,
        when="before", probability=0.5, lease_s=5, error={"code": "ExpiredIteratorException"},
    )  # fmt: skip
    healed(rig, fault)
    result = load.result()
    decided_once(result)
    recorded = result["accounting"]["seen"]
    assert result["accounting"]["accepted"] > 0.9 * RATE_TPS * 8
    after = wait_for(
        "the last decision",
        lambda: (
            (now := rig.dashboard()["stream"])["decided"] >= before["decided"] + recorded and now
        ),
        20,
    )
    assert after["decided"] == before["decided"] + recorded
    assert after["read"]["expired_iterators"] > before["read"]["expired_iterators"]


def test_a_partition_is_noticed_and_bridged(rig: StreamRig) -> None:
    """R7.4: for some seconds AWS answers nobody; transactions wait, and go in afterwards."""
    load = rig.load_gateway(RATE_TPS, PARTITION_S + 2)
    rig.until_decided([load], 1 + rig.dashboard()["coordinator"]["decisions"])
    fault = rig.twin.fault(when="drop", lease_s=PARTITION_S)
    wait_for("word of the partition", lambda: health(rig) == 503, 30)
    healed(rig, fault)
    wait_for("the end of the partition", lambda: health(rig) == 200, 30)
    result = load.result()
    decided_once(result)
    assert result["accounting"]["accepted"] > 0.9 * RATE_TPS * (PARTITION_S + 2)
    assert "transactions wait and are put again" in rig.platform.log.read_text()
    assert rig.given_up() == []
    assert rig.audit()["whole"]


def health(rig: StreamRig) -> int:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{rig.platform.port}/health", timeout=30
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
