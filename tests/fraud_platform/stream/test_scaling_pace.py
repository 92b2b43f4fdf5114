"""How soon scaling acts: the figures for decisions by hand, for the pure rule, and for the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from tests.fraud_platform.stream.test_scaling import CALM, observations

from fraud_platform.stream.autoscaler import LOOK_EVERY_S, Autoscaler
from fraud_platform.stream.lanes import LaneCounters
from fraud_platform.stream.names import make_names
from fraud_platform.stream.scaling import (
    Change,
    Observation,
    ScalerState,
    ScalingLimits,
    StreamLoad,
    Target,
    decide,
    used_shares,
    without,
)
from fraud_platform.stream.scaling_pace import ScalingPace
from fraud_platform.stream.session import AwsSession

SHARDS = Target.TRANSACTIONS
NOTHING = {"changes": 0, "reaction_s_max": None, "over_80_share_s_max": 0.0}


def grown(target: Target = SHARDS) -> Change:
    return Change(target, 2, 3, "why")


def test_where_nothing_happened_there_is_no_reaction() -> None:
    pace = ScalingPace()
    assert pace.figures() == NOTHING
    pace.looked(5.0, {SHARDS: 0.79})
    assert pace.figures() == NOTHING


def test_a_reaction_is_from_the_first_look_at_eighty_percent_to_the_action() -> None:
    pace = ScalingPace()
    pace.looked(5.0, {SHARDS: 0.5})
    pace.looked(10.0, {SHARDS: 0.8})
    pace.looked(15.0, {SHARDS: 0.95})
    pace.acted(16.0, grown())
    assert pace.figures() == {
        "changes": 1, "reaction_s_max": 6.0, "over_80_share_s_max": 5.0,
    }  # fmt: skip
    pace.looked(20.0, {SHARDS: 0.6})  # it was over for as long as nobody looked again
    assert pace.figures()["over_80_share_s_max"] == 10.0


def test_a_load_that_stays_waits_for_the_next_action() -> None:
    """The longest counts, and what is over 80 % stays one span whatever is done meanwhile."""
    pace = ScalingPace()
    for at_s in (0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0):
        pace.looked(at_s, {SHARDS: 0.9})
        if at_s in (0.0, 30.0):
            pace.acted(at_s + 0.5, grown())
    assert pace.figures() == {
        "changes": 2, "reaction_s_max": 25.5, "over_80_share_s_max": 30.0,
    }  # fmt: skip


def test_a_load_that_goes_before_the_action_was_not_answered() -> None:
    pace = ScalingPace()
    pace.looked(0.0, {SHARDS: 0.9})
    pace.looked(5.0, {SHARDS: 0.2})
    pace.looked(90.0, {SHARDS: 0.9})
    pace.acted(91.0, grown())
    assert pace.figures()["reaction_s_max"] == 1.0


def test_targets_are_followed_apart_and_shrinking_is_no_reaction() -> None:
    pace = ScalingPace()
    pace.looked(0.0, {SHARDS: 0.9, Target.DECISIONS: 0.1})
    pace.acted(1.0, Change(Target.DECISIONS, 4, 2, "idle"))
    pace.acted(2.0, Change(Target.CONCURRENCY, 2, 4, "slots"))
    assert pace.figures()["changes"] == 2
    assert pace.figures()["reaction_s_max"] is None
    pace.acted(3.0, grown())
    assert pace.figures()["reaction_s_max"] == 3.0


@given(observations)
def test_what_grows_was_at_eighty_percent(seen: Observation) -> None:
    """The rule and the figures go by the same shares."""
    limits = ScalingLimits()
    used = used_shares(seen, limits)
    for change in decide(ScalerState(), seen, limits)[1]:
        if change.target in used:
            assert (used[change.target] >= 0.8) == (change.after > change.before)


@given(st.integers(1, 8), st.floats(0.8, 4.0), st.integers(1, 40))
def test_every_reaction_is_within_a_minute(shards: int, share: float, looks: int) -> None:
    """R1.5, for any load from 80 % on that can be served: the rests between changes included."""
    seen = replace(CALM, transactions=StreamLoad(shards, share * shards * 1_000.0, 0.0))
    limits = ScalingLimits(shards_max=64)
    state, pace = ScalerState(), ScalingPace()
    for look in range(looks):
        now = replace(seen, at_s=LOOK_EVERY_S * look)
        pace.looked(now.at_s, used_shares(now, limits))
        state, changes = decide(state, now, limits)
        for change in changes:
            pace.acted(now.at_s + 2.0, change)
            if change.target is SHARDS:
                load = replace(seen.transactions, shards=change.after)
                seen = replace(seen, transactions=load)
    reaction_s = pace.figures()["reaction_s_max"]
    assert reaction_s is not None
    assert reaction_s < 60.0


def test_a_refused_change_is_decided_on_again_at_the_next_look() -> None:
    busy = replace(CALM, transactions=StreamLoad(2, 1_800.0, 0.0))
    limits = ScalingLimits()
    state, (change,) = decide(ScalerState(), busy, limits)
    assert decide(state, replace(busy, at_s=5.0), limits)[1] == []
    again = decide(without(state, change), replace(busy, at_s=5.0), limits)[1]
    assert again == [change]


# --- the loop -------------------------------------------------------------------------------


class Cloud:
    """The calls that an autoscaler makes, on a stream and a function by hand."""

    def __init__(self) -> None:
        self.names = make_names("", None)
        self.shards = {self.names.transactions: 2, self.names.decisions: 6}
        self.refusals = 0
        self.asked = 0

    def describe_stream_summary(self, StreamName: str) -> Any:  # noqa: N803
        return {"StreamDescriptionSummary": {"OpenShardCount": self.shards[StreamName]}}

    def update_shard_count(self, StreamName: str, TargetShardCount: int, **_: Any) -> Any:  # noqa: N803
        self.asked += 1
        if self.refusals:
            self.refusals -= 1
            raise ClientError({"Error": {"Code": "ResourceInUseException"}}, "UpdateShardCount")
        self.shards[StreamName] = TargetShardCount
        return {}

    def list_event_source_mappings(self, **_: Any) -> Any:
        arn = f"arn:aws:kinesis:us-east-1:1:stream/{self.names.transactions}"
        return {"EventSourceMappings": [{"UUID": "m", "EventSourceArn": arn}]}

    def get_function_concurrency(self, **_: Any) -> Any:
        return {}

    def get_metric_data(self, MetricDataQueries: list[Any], **_: Any) -> Any:  # noqa: N803
        results = [{"Id": q["Id"], "Timestamps": [], "Values": []} for q in MetricDataQueries]
        return {"MetricDataResults": results}


class Loop:
    """An autoscaler whose sleeps take no time; ``rates`` are records a second by look."""

    def __init__(self, cloud: Cloud, rates: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1_000.0
        self._rates = iter(rates)
        self._puts = LaneCounters()
        session = AwsSession("us-east-1", "http://127.0.0.1:1")
        monkeypatch.setattr(session, "client", lambda service, **_: cloud)
        self.scaler = Autoscaler(
            session, cloud.names, ScalingLimits(), self._platform, self._puts,
            lambda: self.now_s, lambda: self.now_s, self._sleep,
        )  # fmt: skip

    async def run(self) -> Mapping[str, Any]:
        with pytest.raises(asyncio.CancelledError):
            await self.scaler.run()
        return self.scaler.figures()

    async def _sleep(self, wait_s: float) -> None:
        self.now_s += wait_s
        rate = next(self._rates, None)
        if rate is None:
            raise asyncio.CancelledError
        self._puts.records += int(rate * wait_s)

    async def _platform(self) -> Mapping[str, Any]:
        counted = dict.fromkeys(("records", "decided", "replays", "conflicts", "refused"), 0)
        return {**counted, "stages": []}


async def test_the_loop_says_how_soon_it_acted(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud()
    loop = Loop(cloud, [0, 100, 1_700, 1_700, 1_700, 100], monkeypatch)
    figures = await loop.run()
    assert cloud.shards[cloud.names.transactions] == 3
    assert figures["autoscaler"] == {
        "changes": 1, "reaction_s_max": 0.0, "over_80_share_s_max": 5.0,
    }  # fmt: skip
    (event,) = figures["scaling"]
    assert (event["what"], event["before"], event["after"]) == ("shards of transactions", 2, 3)
    assert event["at"] == datetime.fromtimestamp(1_015.0, UTC).isoformat()


async def test_refused_changes_are_part_of_the_reaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is being changed refuses: it is asked at every look, not after a rest."""
    cloud = Cloud()
    cloud.refusals = 3
    figures = await Loop(cloud, [0, 1_700, 1_700, 1_700, 1_700, 1_700], monkeypatch).run()
    assert cloud.asked == 4
    assert figures["autoscaler"]["changes"] == len(figures["scaling"]) == 1
    assert figures["autoscaler"]["reaction_s_max"] == 3 * LOOK_EVERY_S
