"""Message move tasks: dead letters back to where they came from, at a rate."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, replace
from enum import Enum

import orjson

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer, Call
from cloud_twin.services.sqs.directory import QueueDirectory
from cloud_twin.services.sqs.message import Message, State
from cloud_twin.services.sqs.parameters import optional_text, optional_whole, text
from cloud_twin.services.sqs.queue import Queue
from cloud_twin.services.sqs.refusals import invalid, no_resource

MOST_LISTED = 10


class MoveStatus(Enum):
    """As ListMessageMoveTasks says it."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


@dataclass(slots=True)
class MoveTask:
    """One task; times on the monotonic clock but for ``started_ms``."""

    source: Queue
    destination_arn: str | None
    asked_rate_s: int | None
    rate_s: float
    started_ms: int
    began_s: float
    to_move: int
    handle: str
    moved: int = 0
    status: MoveStatus = MoveStatus.RUNNING
    failure: str | None = None


class Mover:
    """Runs move tasks; ``advance`` moves what is due and is called often."""

    def __init__(self, directory: QueueDirectory) -> None:
        self._directory = directory
        self._tasks: list[MoveTask] = []

    @property
    def busy(self) -> bool:
        """Whether a task is running."""
        return any(task.status is MoveStatus.RUNNING for task in self._tasks)

    def clear(self) -> None:
        """Forget all tasks."""
        self._tasks.clear()

    def advance(self) -> None:
        """Move as many messages as the time that has passed allows."""
        for task in self._tasks:
            if task.status is MoveStatus.RUNNING:
                self._advance(task)

    def _advance(self, task: MoveTask) -> None:
        elapsed_s = self._directory.clock.monotonic_s() - task.began_s
        due = min(task.to_move, int(elapsed_s * task.rate_s)) - task.moved
        for message in task.source.take_out(due):
            arn = task.destination_arn or message.dead_letter_source_arn or ""
            destination = self._directory.by_arn(arn)
            if destination is None:
                task.source.put(replace(message, state=State.VISIBLE))
                task.status = MoveStatus.FAILED
                task.failure = (
                    "AWS.SimpleQueueService.NonExistentQueue"
                    if arn
                    else "CouldNotDetermineMessageSource"
                )
                return
            destination.put(self._fresh(message))
            task.moved += 1
        is_over = task.moved >= task.to_move or task.source.visible == 0
        if is_over or not self._directory.is_there(task.source):
            task.status = MoveStatus.COMPLETED

    def _fresh(self, message: Message) -> Message:
        """A moved message begins anew: another id, another time, no receives."""
        return replace(
            message,
            message_id=str(uuid.uuid4()),
            sent_ms=int(self._directory.clock.wall_s() * 1000),
            state=State.VISIBLE,
            receive_count=0,
            total_receive_count=0,
            first_received_ms=None,
            receipt_handle="",
            dead_letter_source_arn=None,
        )

    # --- operations -----------------------------------------------------------------------

    def start(self, call: Call) -> Answer:
        """StartMessageMoveTask."""
        source = self._source(call)
        destination_arn = optional_text(call.parameters, "DestinationArn")
        most = int(self._directory.limits.move_messages_s)
        rate_s = optional_whole(call.parameters, "MaxNumberOfMessagesPerSecond", 1, most)
        if destination_arn is not None and self._directory.by_arn(destination_arn) is None:
            raise no_resource("DestinationArn")
        if destination_arn == source.arn:
            raise invalid("Source queue arn and destination queue arn cannot be the same.")
        if not self._directory.sources_of(source):
            raise invalid("Source queue must be configured as a Dead Letter Queue.")
        for task in self._tasks:
            if task.source is source and task.status is MoveStatus.RUNNING:
                raise AwsError(
                    "UnsupportedOperation",
                    "There is already a task running. Only one active task is allowed for a "
                    "source queue arn at a given time.",
                )
        identity = {"taskId": str(uuid.uuid4()), "sourceArn": source.arn}
        clock = self._directory.clock
        task = MoveTask(
            source=source,
            destination_arn=destination_arn,
            asked_rate_s=rate_s,
            rate_s=rate_s or most,
            started_ms=int(clock.wall_s() * 1000),
            began_s=clock.monotonic_s(),
            to_move=source.visible,
            handle=base64.b64encode(orjson.dumps(identity)).decode(),
        )
        self._tasks.append(task)
        self._advance(task)
        self._directory.bill(source.name)
        return Answer({"TaskHandle": task.handle})

    def list(self, call: Call) -> Answer:
        """ListMessageMoveTasks: the newest first."""
        most = optional_whole(call.parameters, "MaxResults", 1, MOST_LISTED) or 1
        source = self._source(call)
        self._directory.bill(source.name)
        tasks = [task for task in reversed(self._tasks) if task.source is source]
        return Answer({"Results": [_described(task) for task in tasks[:most]]})

    def cancel(self, call: Call) -> Answer:
        """CancelMessageMoveTask: what was moved stays moved."""
        handle = text(call.parameters, "TaskHandle")
        for task in self._tasks:
            if task.handle == handle:
                if task.status is not MoveStatus.RUNNING:
                    raise AwsError(
                        "UnsupportedOperation",
                        f"Only active tasks can be cancelled; this one is {task.status.value}.",
                    )
                task.status = MoveStatus.CANCELLED
                self._directory.bill(task.source.name)
                return Answer({"ApproximateNumberOfMessagesMoved": task.moved})
        raise AwsError("ResourceNotFoundException", "Task does not exist.")

    def _source(self, call: Call) -> Queue:
        source = self._directory.by_arn(text(call.parameters, "SourceArn"))
        if source is None:
            raise no_resource("SourceArn")
        return source


def _described(task: MoveTask) -> dict[str, object]:
    described: dict[str, object] = {
        "Status": task.status.value,
        "SourceArn": task.source.arn,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "StartedTimestamp": task.started_ms,
    }
    optional = {
        "TaskHandle": task.handle if task.status is MoveStatus.RUNNING else None,
        "DestinationArn": task.destination_arn,
        "MaxNumberOfMessagesPerSecond": task.asked_rate_s,
        "FailureReason": task.failure,
    }
    return described | {name: value for name, value in optional.items() if value is not None}
