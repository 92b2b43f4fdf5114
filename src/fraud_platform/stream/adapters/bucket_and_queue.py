"""The audit bucket on S3 and the dead letters on SQS."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from fraud_platform.errors import StoreError
from fraud_platform.stream.backoff import Backoff, Patience
from fraud_platform.stream.session import AwsSession

_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_TAKEN = frozenset({"PreconditionFailed", "412"})
_PASSING = frozenset(
    {
        "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "503", "500",
        "ConditionalRequestConflict", "RequestThrottled", "ThrottlingException",
        "InternalFailure", "Throttling",
    }
)  # fmt: skip
_LETTERS_PER_SEND = 10
_BYTES_PER_SEND = 256 * 1024
"""Most of one call and of one message: 1 MiB since August 2025, and this much for queues that were
made before then."""


class _Insistent:
    """Repeats botocore calls with backoff while patience lasts."""

    def __init__(self, patience: Patience, sleep: Callable[[float], None]) -> None:
        self._patience = patience
        self._backoff = Backoff()
        self._chance = random.Random()
        self._sleep = sleep

    def __call__(self, call: Callable[[], Any], known: frozenset[str] = frozenset()) -> Any:
        """The answer; None for an error code in ``known``; raises ``StoreError``."""
        failures = 0
        while True:
            try:
                return call()
            except ClientError as error:
                code = str(error.response.get("Error", {}).get("Code", ""))
                if code in known:
                    return None
                if code not in _PASSING:
                    raise StoreError(str(error)) from error
                told: Exception = error
            except (BotoCoreError, OSError) as error:
                told = error
            failures += 1
            wait_s = self._backoff.wait_s(failures, self._chance)
            if wait_s >= self._patience.left_s():
                raise StoreError(str(told)) from told
            self._sleep(wait_s)


class S3Audit:
    """The port ``AuditBucket``, and listing for verification."""

    def __init__(
        self,
        session: AwsSession,
        bucket: str,
        patience: Patience,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = session.client("s3", attempts=1)
        self._bucket = bucket
        self._insist = _Insistent(patience, sleep)

    def put_new(self, key: str, content: bytes) -> bool:
        """See the port: S3's conditional write."""

        def put() -> Any:
            return self._client.put_object(
                Bucket=self._bucket, Key=key, Body=content, IfNoneMatch="*",
                ContentType="application/x-ndjson",
            )  # fmt: skip

        return self._insist(put, _TAKEN) is not None

    def get(self, key: str) -> bytes | None:
        """See the port."""

        def get() -> bytes:
            content: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            return content

        found: bytes | None = self._insist(get, _MISSING)
        return found

    def put(self, key: str, content: bytes) -> None:
        """Store an object, whatever was there (models, not audit)."""
        self._insist(lambda: self._client.put_object(Bucket=self._bucket, Key=key, Body=content))

    def keys(self, folder: str) -> Iterator[str]:
        """All keys below a folder, in order."""
        token: str | None = None
        while True:
            page = self._page(folder, token)
            yield from (str(found["Key"]) for found in page.get("Contents", ()))
            token = page.get("NextContinuationToken")
            if not token:
                return

    def _page(self, folder: str, token: str | None) -> Any:
        more = {"ContinuationToken": token} if token else {}

        def page() -> Any:
            return self._client.list_objects_v2(Bucket=self._bucket, Prefix=f"{folder}/", **more)

        return self._insist(page)


class SqsLetters:
    """The port ``DeadLetters``."""

    def __init__(
        self,
        session: AwsSession,
        queue: str,
        patience: Patience,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = session.client("sqs", attempts=1)
        self._queue = queue
        self._url: str | None = None
        self._insist = _Insistent(patience, sleep)

    def send(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """See the port."""
        if self._url is None:
            self._url = self._insist(lambda: self._client.get_queue_url(QueueName=self._queue))[
                "QueueUrl"
            ]
        entries: list[dict[str, str]] = []
        size = 0
        for body in map(orjson.dumps, messages):
            full = len(entries) == _LETTERS_PER_SEND or size + len(body) > _BYTES_PER_SEND
            if entries and full:
                self._send(entries)
                entries, size = [], 0
            entries.append({"Id": str(len(entries)), "MessageBody": body.decode()})
            size += len(body)
        if entries:
            self._send(entries)

    def _send(self, entries: list[dict[str, str]]) -> None:
        def send() -> Any:
            return self._client.send_message_batch(QueueUrl=self._url, Entries=entries)

        answer = self._insist(send)
        if answer.get("Failed"):
            raise StoreError(f"{self._queue} refused a message: {answer['Failed'][0]}")
