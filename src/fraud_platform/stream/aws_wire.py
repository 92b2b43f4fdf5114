"""A lean client for AWS's JSON services, for the calls that every transaction passes.

Signs as botocore signs, with botocore's own code and credentials, and takes endpoints from it. What
it leaves out is walking every value of every request through the service model: measured on batches
of 100 items that is most of boto3's cost. Attempts carry the SDK's headers, so that retries can be
followed on the wire.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError

from fraud_platform.errors import StoreError
from fraud_platform.stream.backoff import Backoff, Patience
from fraud_platform.stream.session import AwsSession

THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
        "LimitExceededException",
        "TooManyRequestsException",
        "TransactionInProgressException",
        "KMSThrottlingException",
    }
)
"""Errors after which the same call is made again, more slowly."""
_PASSING = frozenset({"InternalServerError", "InternalFailure", "ServiceUnavailable"})
_TIMEOUT = urllib3.Timeout(connect=2.0, read=10.0)
_ATTEMPTS_SAID = 1_000


class AwsCallError(StoreError):
    """AWS refused a call, or could not be reached until patience ran out."""

    def __init__(self, code: str, message: str, body: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.body: Mapping[str, Any] = body or {}


class AwsJson:
    """Calls one JSON service. Threads may share it."""

    def __init__(
        self,
        session: AwsSession,
        service: str,
        target_prefix: str,
        version: str,
        patience: Patience,
        backoff: Backoff | None = None,
        connections: int = 8,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credentials = session.credentials
        self._auth = (service, session.region)
        self._url = session.endpoint(service)
        self._prefix = target_prefix
        self._content_type = f"application/x-amz-json-{version}"
        self._patience = patience
        self._backoff = backoff or Backoff()
        self._sleep = sleep
        self._chance = random.Random()
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False, timeout=_TIMEOUT)
        self.attempts = 0
        self.retries = 0

    def call(self, operation: str, parameters: Mapping[str, Any], *, once: bool = False) -> Any:
        """The service's answer, decoded.

        Throttled and failed attempts are repeated with backoff while patience lasts (``once``: not
        at all). Raises ``AwsCallError``.
        """
        content = orjson.dumps(parameters)
        invocation = str(uuid.uuid4())
        failures = 0
        patience = self._patience.begin()
        while True:
            try:
                return self._attempt(operation, content, invocation, failures + 1)
            except AwsCallError as error:
                failures += 1
                if once or not _worth_repeating(error.code):
                    raise
                wait_s = self._backoff.wait_s(failures, self._chance)
                if wait_s >= patience.left_s():
                    raise
            self.retries += 1
            self._sleep(wait_s)

    def _attempt(self, operation: str, content: bytes, invocation: str, number: int) -> Any:
        self.attempts += 1
        request = AWSRequest(
            method="POST",
            url=self._url,
            data=content,
            headers={
                "Content-Type": self._content_type,
                "X-Amz-Target": f"{self._prefix}.{operation}",
                "amz-sdk-invocation-id": invocation,
                "amz-sdk-request": f"attempt={number}; max={_ATTEMPTS_SAID}",
            },
        )
        try:
            SigV4Auth(self._credentials, *self._auth).add_auth(request)
            answer = self._pool.request(
                "POST", self._url, body=content, headers=dict(request.headers.items())
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise AwsCallError("ConnectionError", f"{self._url}: {error}") from error
        except BotoCoreError as error:
            raise AwsCallError("CredentialsError", str(error)) from error
        if answer.status == 200:
            return orjson.loads(answer.data)
        raise _refusal(answer.status, answer.data)


def _worth_repeating(code: str) -> bool:
    return code in THROTTLES or code in _PASSING or code in ("ConnectionError", "ServerError")


def _refusal(status: int, data: bytes) -> AwsCallError:
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    kind = str(body.get("__type", "")).rpartition("#")[2].partition(":")[0]
    message = str(body.get("message") or body.get("Message") or f"HTTP status {status}")
    if not kind:
        kind = "ServerError" if status >= 500 else "UnknownError"
    elif status >= 500 and kind not in _PASSING:
        kind = "ServerError"
    return AwsCallError(kind, message, body)
