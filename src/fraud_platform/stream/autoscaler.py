"""Looks at the load every few seconds and scales streams and functions (``scaling`` decides)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from fraud_platform.errors import StoreError
from fraud_platform.stream.calls import GONE, ResourceError, call, call_unless
from fraud_platform.stream.lanes import LaneCounters
from fraud_platform.stream.load_watch import LoadWatch, Watched
from fraud_platform.stream.names import ResourceNames
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

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
EVENTS_KEPT = 100
_CLOUDWATCH_EVERY_S = 15.0
_DECISION_BYTES = 400.0
"""Of a record of the decision stream, about."""
_WORKING_STAGES = frozenset(
    {"intake", "features", "agents", "external", "reasoning", "answers", "storage"}
)


@dataclass(frozen=True, slots=True)
class _Totals:
    """Counters at one look."""

    at_s: float
    records: float
    bytes: float
    throttled: float
    function_records: float
    decisions: float
    decisions_throttled: float
    busy_s: float


class Autoscaler:
    """Runs in one gateway. Raises nothing: what fails is logged and tried at the next look."""

    def __init__(
        self,
        session: AwsSession,
        names: ResourceNames,
        limits: ScalingLimits,
        platform: Callable[[], Awaitable[Mapping[str, Any]]],
        puts: LaneCounters,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``platform`` reads the figures of all functions and gateways (``Overview.figures``)."""
        self._names = names
        self._limits = limits
        self._platform = platform
        self._puts = puts
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._kinesis = session.client("kinesis")
        self._lambda = session.client("lambda")
        self._watch = LoadWatch(session, names, wall_clock)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scale")
        self._state = ScalerState()
        self._pace = ScalingPace()
        self._events: tuple[Mapping[str, Any], ...] = ()
        self._before: _Totals | None = None
        self._watched = Watched()
        self._watched_s = -_CLOUDWATCH_EVERY_S
        self._mapping: str | None = None

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._sleep(LOOK_EVERY_S)
                try:
                    await self._look()
                except (StoreError, ResourceError) as error:
                    log.warning("scaling: %s", error)
                except Exception:  # nobody looks after this task: the next look may go well
                    log.exception("scaling: a look went wrong")
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def figures(self) -> dict[str, Any]:
        """``scaling``: what was done, newest last; ``autoscaler``: how soon (``ScalingPace``)."""
        return {"scaling": list(self._events), "autoscaler": self._pace.figures()}

    async def _look(self) -> None:
        figures = await self._platform()
        now = self._totals(figures)
        before, self._before = self._before, now
        if before is None or now.at_s <= before.at_s:
            return
        loop = asyncio.get_running_loop()
        age_s = float(figures.get("iterator_age_s", 0.0))
        seen = await loop.run_in_executor(self._thread, self._observe, before, now, age_s)
        self._pace.looked(seen.at_s, used_shares(seen, self._limits))
        self._state, changes = decide(self._state, seen, self._limits)
        for change in changes:
            try:
                await loop.run_in_executor(self._thread, self._apply, change)
            except ResourceError as error:
                self._state = without(self._state, change)
                what = change.target.value
                log.warning("scaling: %s stays at %d: %s", what, change.before, error)
            else:
                self._applied(change)

    def _totals(self, figures: Mapping[str, Any]) -> _Totals:
        stages = {stage["name"]: stage["busy_s"] for stage in figures["stages"]}
        return _Totals(
            at_s=self._clock(),
            records=self._puts.records,
            bytes=self._puts.bytes,
            throttled=self._puts.throttled,
            function_records=figures["records"],
            decisions=sum(figures[name] for name in ("decided", "replays", "conflicts", "refused")),
            decisions_throttled=figures.get("decisions_throttled", 0),
            busy_s=sum(stages.get(name, 0.0) for name in _WORKING_STAGES),
        )

    def _observe(self, before: _Totals, now: _Totals, age_s: float) -> Observation:
        """On the scaler's thread."""
        elapsed_s = now.at_s - before.at_s
        if now.at_s - self._watched_s >= _CLOUDWATCH_EVERY_S:
            self._watched_s = now.at_s
            self._watched = self._watch.look()
        else:  # what was refused is told once
            self._watched = replace(self._watched, throttled=False, decisions_throttled=False)
        watched = self._watched

        def rate(of: str) -> float:
            return max(0.0, float(getattr(now, of) - getattr(before, of))) / elapsed_s

        shards = self._shards(self._names.transactions)
        factor = self._factor()
        transactions = StreamLoad(
            shards,
            max(rate("records"), rate("function_records"), watched.records_s),
            max(rate("bytes"), watched.bytes_s),
            throttled=now.throttled > before.throttled or watched.throttled,
        )
        decisions_s = max(rate("decisions"), watched.decisions_s)
        return Observation(
            at_s=now.at_s,
            transactions=transactions,
            decisions=StreamLoad(
                self._shards(self._names.decisions),
                decisions_s,
                decisions_s * _DECISION_BYTES,
                throttled=now.decisions_throttled > before.decisions_throttled
                or watched.decisions_throttled,
            ),
            parallelisation=factor,
            reserved_concurrency=self._reserved(),
            busy_share=rate("busy_s") / (shards * factor),
            iterator_age_s=max(age_s, watched.iterator_age_s),
        )

    def _apply(self, change: Change) -> None:
        """On the scaler's thread."""
        names, target = self._names, change.target
        if target in (Target.TRANSACTIONS, Target.DECISIONS):
            stream = names.transactions if target is Target.TRANSACTIONS else names.decisions
            call(
                self._kinesis.update_shard_count,
                StreamName=stream,
                TargetShardCount=change.after,
                ScalingType="UNIFORM_SCALING",
            )
        elif target is Target.PARALLELISATION:
            call(
                self._lambda.update_event_source_mapping,
                UUID=self._mapping,
                ParallelizationFactor=change.after,
            )
        else:
            call(
                self._lambda.put_function_concurrency,
                FunctionName=names.function,
                ReservedConcurrentExecutions=change.after,
            )

    def _applied(self, change: Change) -> None:
        self._pace.acted(self._clock(), change)
        log.info(
            "scaling: %s from %d to %d: %s",
            change.target.value, change.before, change.after, change.reason,
        )  # fmt: skip
        event = {
            "at": datetime.fromtimestamp(self._wall_clock(), UTC).isoformat(),
            "what": change.target.value,
            "before": change.before,
            "after": change.after,
            "reason": change.reason,
        }
        self._events = (*self._events, event)[-EVENTS_KEPT:]

    # --- AWS ------------------------------------------------------------------------------

    def _shards(self, stream: str) -> int:
        summary = call(self._kinesis.describe_stream_summary, StreamName=stream)
        return int(summary["StreamDescriptionSummary"]["OpenShardCount"])

    def _factor(self) -> int:
        page = call(self._lambda.list_event_source_mappings, FunctionName=self._names.function)
        for mapping in page["EventSourceMappings"]:
            if str(mapping["EventSourceArn"]).endswith(f"/{self._names.transactions}"):
                self._mapping = str(mapping["UUID"])
                return int(mapping.get("ParallelizationFactor") or 1)
        raise ResourceError(f"nothing maps {self._names.transactions} to {self._names.function}")

    def _reserved(self) -> int | None:
        found = call_unless(
            GONE, self._lambda.get_function_concurrency, FunctionName=self._names.function
        )
        value = (found or {}).get("ReservedConcurrentExecutions")
        return None if value is None else int(value)
