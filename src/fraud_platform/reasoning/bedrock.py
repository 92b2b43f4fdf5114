"""Amazon Bedrock's Converse, one attempt at a time.

The SDK's own retries are off, so that there is one backoff and not two. Attempts at one case keep
one ``amz-sdk-invocation-id`` and count in ``amz-sdk-request``, as the SDK's own would: whoever
looks at the wire sees the retries for what they are.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from fraud_platform.reasoning.model import (
    Attempt,
    ModelText,
    RefusedError,
    ThrottledError,
    UnavailableError,
)
from fraud_platform.reasoning.prompt import Prompt

_THROTTLES = {"ThrottlingException", "TooManyRequestsException"}
_TRANSIENT = {
    "InternalServerException",
    "ModelNotReadyException",
    "ModelTimeoutException",
    "ServiceUnavailableException",
}
_COMPLETE = {"end_turn", "stop_sequence"}


@dataclass(frozen=True, slots=True)
class BedrockOptions:
    """Which model, where, and how long a call may take."""

    model_id: str
    endpoint_url: str | None = None
    """None: AWS's own, or what the environment says (``AWS_ENDPOINT_URL``)."""
    region: str | None = None
    connect_timeout_s: float = 2.0
    read_timeout_s: float = 10.0
    connections: int = 256


class BedrockModel:
    """A ``LanguageModel`` on Bedrock."""

    def __init__(self, options: BedrockOptions) -> None:
        import boto3  # half a second to load, and only who reasons needs it
        from botocore.config import Config

        self._model_id = options.model_id
        self._attempt = threading.local()
        self._client: Any = boto3.session.Session().client(
            "bedrock-runtime",
            region_name=options.region,
            endpoint_url=options.endpoint_url,
            config=Config(
                connect_timeout=options.connect_timeout_s,
                read_timeout=options.read_timeout_s,
                max_pool_connections=options.connections,
                retries={"mode": "standard", "total_max_attempts": 1},
            ),
        )
        events = self._client.meta.events
        events.register("before-send.bedrock-runtime.Converse", self._mark)

    def ask(self, prompt: Prompt, attempt: Attempt) -> ModelText:
        """One attempt. Raises ``ModelCallError``."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        self._attempt.now = attempt
        try:
            answer = self._client.converse(**prompt.converse_arguments(self._model_id))
        except ClientError as error:
            raise _refusal(error) from error
        except BotoCoreError as error:
            if _is_transport(error):
                raise UnavailableError(str(error)) from error
            raise RefusedError(str(error)) from error
        except ResponseParserError as error:
            raise UnavailableError(str(error)) from error
        return _text_of(answer)

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def _mark(self, request: Any, **_: Any) -> None:
        """Write the attempt over the SDK's own two headers, which are not signed either."""
        attempt: Attempt = self._attempt.now
        request.headers["amz-sdk-invocation-id"] = attempt.invocation_id
        request.headers["amz-sdk-request"] = f"attempt={attempt.number}; max={attempt.most}"


def _text_of(answer: dict[str, Any]) -> ModelText:
    try:
        blocks = answer["output"]["message"]["content"]
        usage = answer["usage"]
        return ModelText(
            "".join(block["text"] for block in blocks if "text" in block),
            int(usage["inputTokens"]),
            int(usage["outputTokens"]),
            answer["stopReason"] in _COMPLETE,
        )
    except (KeyError, TypeError) as error:
        raise UnavailableError(f"Converse answered without {error}") from error


def _refusal(error: Any) -> ThrottledError | UnavailableError | RefusedError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLES:
        return ThrottledError(str(error))
    if code in _TRANSIENT or status >= 500:
        return UnavailableError(str(error))
    return RefusedError(str(error))


def _is_transport(error: Exception) -> bool:
    from botocore.exceptions import ConnectionError, HTTPClientError, IncompleteReadError

    return isinstance(error, ConnectionError | HTTPClientError | IncompleteReadError)
