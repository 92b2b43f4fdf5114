"""What the twin answers when it refuses, and what it says when it cannot start."""

from __future__ import annotations

from collections.abc import Mapping


class TwinError(Exception):
    """The twin itself cannot do what it was asked to; the message says what to change."""

    exit_status = 2


class AwsError(Exception):
    """An error answer in AWS's own terms; the wire protocol decides how it is written.

    ``code`` is the error's name without prefix (``ProvisionedThroughputExceededException``),
    ``fields`` are further members of its body (``{"Reason": …}``), ``sender`` says whether the
    caller is to blame (the ``Sender``/``Receiver`` fault of query-style errors).
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        fields: Mapping[str, object] | None = None,
        *,
        sender: bool = True,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields: Mapping[str, object] = fields or {}
        self.sender = sender
