"""The operations on queues themselves: create, find, list, set, tag, purge, delete."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer, Call
from cloud_twin.services.sqs.attributes import NAMES, QueueSettings
from cloud_twin.services.sqs.directory import QueueDirectory
from cloud_twin.services.sqs.parameters import optional_text, optional_whole, text, text_map, texts
from cloud_twin.services.sqs.queue import Queue
from cloud_twin.services.sqs.refusals import invalid, missing, no_queue, not_offered

PAGE = 1000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Administrator:
    """Carries out what needs no message."""

    def __init__(self, directory: QueueDirectory) -> None:
        self._directory = directory

    def create_queue(self, call: Call) -> Answer:
        """CreateQueue: the same again is no error."""
        name = text(call.parameters, "QueueName")
        attributes = text_map(call.parameters, "Attributes")
        tags = text_map(call.parameters, "tags")
        settings = QueueSettings().with_attributes(attributes)
        if name.endswith(".fifo"):
            raise not_offered("FIFO queues; create a standard queue, named without .fifo")
        if not _NAME.fullmatch(name):
            raise invalid(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in "
                "length"
            )
        self._check_target(settings, call)
        self._directory.bill(name)
        queue = self._directory.by_arn(self._directory.arn(name, call.region))
        if queue is None:
            queue = self._directory.create(name, call.region, settings)
            queue.tags = tags
        else:
            # Only what the request names is compared: the rest may have been set since.
            difference = queue.settings.difference(queue.settings.with_attributes(attributes))
            if difference is not None:
                raise AwsError(
                    "QueueNameExists",
                    "A queue already exists with the same name and a different value for "
                    f"attribute {difference}",
                )
        return Answer({"QueueUrl": self._directory.url(queue, call)})

    def get_queue_url(self, call: Call) -> Answer:
        """GetQueueUrl."""
        name = text(call.parameters, "QueueName")
        owner = optional_text(call.parameters, "QueueOwnerAWSAccountId")
        queue = self._directory.by_arn(self._directory.arn(name, call.region))
        if queue is None or (owner is not None and owner != self._directory.account_id):
            raise no_queue()
        self._directory.bill(name)
        return Answer({"QueueUrl": self._directory.url(queue, call)})

    def delete_queue(self, call: Call) -> Answer:
        """DeleteQueue."""
        queue = self._directory.find(call)
        self._directory.bill(queue.name)
        self._directory.remove(queue)
        return Answer({})

    def list_queues(self, call: Call) -> Answer:
        """ListQueues: by name, a page at a time."""
        prefix = optional_text(call.parameters, "QueueNamePrefix") or ""
        queues = [q for q in self._directory.all(call.region) if q.name.startswith(prefix)]
        self._directory.bill("")
        return self._page(call, queues, "QueueUrls")

    def list_dead_letter_sources(self, call: Call) -> Answer:
        """ListDeadLetterSourceQueues."""
        queue = self._directory.find(call)
        self._directory.bill(queue.name)
        return self._page(call, self._directory.sources_of(queue), "queueUrls")

    def _page(self, call: Call, queues: Sequence[Queue], member: str) -> Answer:
        most = optional_whole(call.parameters, "MaxResults", 1, PAGE)
        after = _read_token(optional_text(call.parameters, "NextToken"))
        left = [queue for queue in queues if queue.name > after]
        page = left[: most or PAGE]
        if not page:
            return Answer({})
        body: dict[str, object] = {member: [self._directory.url(queue, call) for queue in page]}
        if most is not None and len(left) > len(page):
            body["NextToken"] = base64.b64encode(page[-1].name.encode()).decode()
        return Answer(body)

    def get_queue_attributes(self, call: Call) -> Answer:
        """GetQueueAttributes."""
        queue = self._directory.find(call)
        names = texts(call.parameters, "AttributeNames")
        for name in names:
            if name not in NAMES:
                raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")
        self._directory.bill(queue.name)
        attributes = queue.settings.as_attributes() | {
            "ApproximateNumberOfMessages": str(queue.visible),
            "ApproximateNumberOfMessagesDelayed": str(queue.delayed),
            "ApproximateNumberOfMessagesNotVisible": str(queue.in_flight),
            "CreatedTimestamp": str(queue.created_s),
            "LastModifiedTimestamp": str(queue.modified_s),
            "QueueArn": queue.arn,
        }
        wanted = {n: v for n, v in attributes.items() if n in names or "All" in names}
        return Answer({"Attributes": wanted} if wanted else {})

    def set_queue_attributes(self, call: Call) -> Answer:
        """SetQueueAttributes: in force at once."""
        queue = self._directory.find(call)
        attributes = text_map(call.parameters, "Attributes")
        if not attributes:
            raise missing("Attributes")
        settings = queue.settings.with_attributes(attributes)
        self._check_target(settings, call)
        self._directory.bill(queue.name)
        queue.settings = settings
        queue.modified_s = int(self._directory.clock.wall_s())
        return Answer({})

    def _check_target(self, settings: QueueSettings, call: Call) -> None:
        redrive = settings.redrive
        if redrive is None:
            return
        target = self._directory.by_arn(redrive.target_arn)
        if target is None or target.region != call.region:
            raise invalid(
                f"Value {redrive.target_arn} for parameter RedrivePolicy is invalid. Reason: Dead "
                "letter target does not exist."
            )

    def purge_queue(self, call: Call) -> Answer:
        """PurgeQueue."""
        queue = self._directory.find(call)
        now_s = self._directory.clock.monotonic_s()
        wait_s = self._directory.limits.purge_interval_s
        if queue.purged_at_s is not None and now_s - queue.purged_at_s < wait_s:
            raise AwsError(
                "PurgeQueueInProgress",
                f"Only one PurgeQueue operation on {queue.name} is allowed every {wait_s:g} "
                "seconds.",
            )
        queue.purged_at_s = now_s
        queue.purge()
        self._directory.bill(queue.name)
        return Answer({})

    # --- tags -----------------------------------------------------------------------------

    def tag_queue(self, call: Call) -> Answer:
        """TagQueue."""
        queue = self._directory.find(call)
        tags = text_map(call.parameters, "Tags")
        if not tags:
            raise missing("Tags")
        if len(queue.tags | tags) > 50:
            raise invalid(f"Too many tags added for queue {queue.name}.")
        queue.tags |= tags
        self._directory.bill(queue.name)
        return Answer({})

    def untag_queue(self, call: Call) -> Answer:
        """UntagQueue."""
        queue = self._directory.find(call)
        keys = texts(call.parameters, "TagKeys")
        if not keys:
            raise invalid("Tag keys must be between 1 and 128 characters in length.")
        for key in keys:
            queue.tags.pop(key, None)
        self._directory.bill(queue.name)
        return Answer({})

    def list_queue_tags(self, call: Call) -> Answer:
        """ListQueueTags."""
        queue = self._directory.find(call)
        self._directory.bill(queue.name)
        return Answer({"Tags": queue.tags} if queue.tags else {})


def _read_token(token: str | None) -> str:
    """The name a page ended with; empty for the first page."""
    if token is None:
        return ""
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid("Invalid or expired next token.") from error
