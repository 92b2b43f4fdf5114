"""One event-source mapping: its state, its shards' workers, and where they have got to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.ports import QueueSink, StreamSource
from cloud_twin.service import Surroundings
from cloud_twin.services.lambda_.destinations import discarded_batch
from cloud_twin.services.lambda_.mappings.ends import MappedFunction, Source
from cloud_twin.services.lambda_.mappings.event import ENVELOPE_BYTES, RecordTexts
from cloud_twin.services.lambda_.mappings.planner import Discard
from cloud_twin.services.lambda_.mappings.settings import MappingSettings
from cloud_twin.services.lambda_.mappings.shard import ShardProgress, ShardWorker
from cloud_twin.services.lambda_.runtime.outcome import Outcome

log = logging.getLogger(__name__)

_RETRY_STREAM_S = 1.0
"""A stream that cannot be read is tried again after so long."""


class EventSourceMapping:
    """Runs from its making until ``delete``."""

    def __init__(
        self,
        uuid: str,
        source: Source,
        function: MappedFunction,
        settings: MappingSettings,
        streams: StreamSource,
        queues: QueueSink,
        surroundings: Surroundings,
        put_metric: Callable[[str, str, float, str], None],
        retry_s: tuple[float, float],
    ) -> None:
        self.uuid = uuid
        self.source = source
        self.function = function
        self.settings = settings
        self.state = "Creating"
        self.last_modified_s = surroundings.clock.wall_s()
        self._streams = streams
        self._queues = queues
        self._surroundings = surroundings
        self._put_metric = put_metric
        self._retry_s = retry_s
        self._last_result = "No records processed"
        self._shards: dict[str, ShardProgress] | None = None
        self._workers: dict[str, ShardWorker] = {}
        self._running: asyncio.Task[None] | None = None
        self._change: asyncio.Task[None] | None = None
        self._halting = False
        self._closed = False

    # --- life -----------------------------------------------------------------------------

    def begin(self) -> None:
        """Start reading, where the settings say so."""
        if self.settings.enabled:
            self._place()
        self._change = asyncio.create_task(self._settle("Enabled"))

    def update(self, settings: MappingSettings, function: MappedFunction) -> None:
        """Change settings; the batches that are with the function are finished with the old."""
        if settings.enabled != self.settings.enabled:
            self.state = "Enabling" if settings.enabled else "Disabling"
        else:
            self.state = "Updating"
        self.last_modified_s = self._surroundings.clock.wall_s()
        self._change = asyncio.create_task(self._swap(settings, function))

    def delete(self, when_gone: Callable[[], None]) -> None:
        """Stop after the batches that are with the function, then call ``when_gone``."""
        self.state = "Deleting"

        async def stop() -> None:
            await self._halt()
            when_gone()

        self._change = asyncio.create_task(stop())

    async def close(self) -> None:
        """Stop at once."""
        self._closed = True
        for task in (self._change, self._running):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    @property
    def busy(self) -> bool:
        """Whether a change is under way."""
        return self.state not in {"Enabled", "Disabled"}

    def checkpoints(self) -> dict[str, str | None]:
        """Newest sequence number up to which all is done, by shard."""
        return {name: shard.checkpoint for name, shard in (self._shards or {}).items()}

    async def _swap(self, settings: MappingSettings, function: MappedFunction) -> None:
        await self._halt()
        self.settings, self.function = settings, function
        await self._settle("Enabled")

    async def _settle(self, running_state: str) -> None:
        await asyncio.sleep(0)
        if self._closed:
            return
        if self.settings.enabled:
            self._running = asyncio.create_task(self._run())
            self.state = running_state
        else:
            self.state = "Disabled"

    async def _halt(self) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        self._halting = True
        for worker in self._workers.values():
            worker.stop()
        if not self._workers:
            running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        self._halting = False

    # --- shards ---------------------------------------------------------------------------

    def _place(self) -> None:
        """Decide where to begin: LATEST means now, when the mapping is made."""
        source, streams = self.source, self._streams
        shards = {}
        for shard_id in streams.shard_ids(source.stream_arn):
            after = None
            if source.position == "LATEST":
                after = streams.tip(source.stream_arn, shard_id)
            elif source.position == "AT_TIMESTAMP":
                after = streams.first_at(source.stream_arn, shard_id, source.timestamp_s or 0.0)
            shards[shard_id] = ShardProgress(shard_id, after)
        self._shards = shards

    def _discover(self) -> dict[str, ShardProgress]:
        """All shards; those that came by resharding are read from their beginning."""
        if self._shards is None:
            self._place()
        assert self._shards is not None, "placed"
        for shard_id in self._streams.shard_ids(self.source.stream_arn):
            if shard_id not in self._shards:
                self._shards[shard_id] = ShardProgress(shard_id, None)
        return self._shards

    def _startable(self, running: set[str]) -> list[ShardProgress]:
        """Shards whose parents are done."""
        shards = self._discover()
        startable = []
        for shard in shards.values():
            if shard.finished or shard.shard_id in running:
                continue
            parents = self._streams.parents(self.source.stream_arn, shard.shard_id)
            if all(parent not in shards or shards[parent].finished for parent in parents):
                startable.append(shard)
        return startable

    async def _run(self) -> None:
        tasks: dict[asyncio.Task[None], str] = {}
        try:
            while tasks or not self._halting:
                readable = self._halting or self._start_workers(tasks)
                if not tasks:
                    await asyncio.sleep(_RETRY_STREAM_S)
                    continue
                done, _ = await asyncio.wait(
                    tasks,
                    timeout=None if readable else _RETRY_STREAM_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                failed = [self._ended(task, tasks.pop(task)) for task in done]
                if any(failed):
                    await asyncio.sleep(_RETRY_STREAM_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._workers.clear()

    def _start_workers(self, tasks: dict[asyncio.Task[None], str]) -> bool:
        """Workers for all shards that can be read now; False where the stream cannot."""
        try:
            for shard in self._startable(set(tasks.values())):
                worker = self._worker(shard)
                self._workers[shard.shard_id] = worker
                tasks[asyncio.create_task(worker.run())] = shard.shard_id
        except AwsError as error:
            self.note(f"PROBLEM: {error.message}")
            return False
        except Exception:  # a mapping outlives what goes wrong with one reading of its stream
            log.exception("the mapping %s cannot look at its stream", self.uuid)
            self.note("PROBLEM: internal error")
            return False
        return True

    def _ended(self, task: asyncio.Task[None], shard_id: str) -> bool:
        """One worker has ended; True where it failed."""
        self._workers.pop(shard_id, None)
        error = task.exception()
        if error is None:
            return False
        if isinstance(error, AwsError):
            self.note(f"PROBLEM: {error.message}")
        else:
            log.error("the mapping %s failed on %s", self.uuid, shard_id, exc_info=error)
            self.note("PROBLEM: internal error")
        return True

    def _worker(self, shard: ShardProgress) -> ShardWorker:
        source = self.source
        return ShardWorker(
            shard,
            source.stream_arn,
            self._streams,
            self.settings.policy(ENVELOPE_BYTES),
            self.settings.parallelization,
            self.settings.report_failures,
            RecordTexts(source.stream_arn, source.region, shard.shard_id, self.function.role),
            self,
            self._surroundings,
            self._retry_s,
        )

    # --- called by the workers ------------------------------------------------------------

    async def invoke(self, event: bytes, newest_wall_s: float, attempt: int) -> Outcome:
        """Run the function on a batch."""
        age_ms = max(0.0, self._surroundings.clock.wall_s() - newest_wall_s) * 1000
        self._put_metric(self.function.name, "IteratorAge", age_ms, "Milliseconds")
        return await self.function.invoke(event, attempt)

    def discard(self, shard_id: str, discard: Discard, outcome: Outcome | None) -> None:
        """Send a record of what is given up to the failure destination, if there is one."""
        queue = self.settings.on_failure
        if not queue:
            return
        wall_s = self._surroundings.clock.wall_s()
        body = discarded_batch(
            discard, outcome, self.function.arn, self.source.stream_arn, shard_id, wall_s
        )
        try:
            self._queues.send(queue, body)
        except AwsError:
            self._put_metric(self.function.name, "DestinationDeliveryFailures", 1, "Count")

    def note(self, result: str) -> None:
        """What came of the last batch."""
        self._last_result = result

    # --- the document ---------------------------------------------------------------------

    def document(self, arn: str) -> dict[str, Any]:
        """EventSourceMappingConfiguration."""
        document = {
            "UUID": self.uuid,
            "EventSourceMappingArn": arn,
            "EventSourceArn": self.source.stream_arn,
            "FunctionArn": self.function.arn,
            "StartingPosition": self.source.position,
            "State": self.state,
            "StateTransitionReason": "User action",
            "LastModified": self.last_modified_s,
            "LastProcessingResult": self._last_result,
            **self.settings.document(),
        }
        if self.source.timestamp_s is not None:
            document["StartingPositionTimestamp"] = self.source.timestamp_s
        return document
