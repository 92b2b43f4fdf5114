"""What every protocol turns requests into, and answers out of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from cloud_twin.errors import AwsError
from cloud_twin.server.request import Request
from cloud_twin.service import Answer


class Decoded(NamedTuple):
    """One call, as far as the protocol knows it."""

    operation: str
    parameters: dict[str, Any]


@dataclass(slots=True)
class Encoded:
    """One HTTP answer without the headers every answer has."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Wire(Protocol):
    """One protocol of one service."""

    def operation(self, request: Request) -> str | None:
        """Which operation is called; None where the service has no such thing."""
        ...

    def decode(self, request: Request, operation: str) -> dict[str, Any]:
        """Its parameters. Raises ``AwsError`` where the request is malformed."""
        ...

    def encode(self, request: Request, operation: str, answer: Answer, request_id: str) -> Encoded:
        """A success (without its chunks)."""
        ...

    def encode_error(self, request: Request, error: AwsError, request_id: str) -> Encoded:
        """A refusal."""
        ...
