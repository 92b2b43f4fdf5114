"""How the twin's Lambda is set up: what it is given, and what a machine can bear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class CodeStore(Protocol):
    """Where functions' code comes from when it is not sent along (the twin's S3)."""

    def read_object(self, bucket: str, key: str) -> bytes:
        """The whole object. Raises ``AwsError`` where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class LambdaOptions:
    """Settings that AWS does not have, and times that it does not publish."""

    endpoint_url: str = ""
    """The twin's address, given to functions; if empty, the address that calls are sent to."""
    code_store: CodeStore | None = None
    work_directory: Path | None = None
    """Where code is unpacked; the system's temporary directory if not given."""
    environments_max: int = 64
    """Most processes at once, of all functions: the machine's limit, not AWS's."""
    idle_timeout_s: float = 600.0
    """An environment unused for so long is ended."""
    init_timeout_s: float = 10.0
    """For loading a function; the function's own timeout comes on top, as on AWS."""
    watch_interval_s: float = 0.1
    """How often memory and idle times are looked at."""
    async_retry_delays_s: tuple[float, float] = (60.0, 120.0)
    """Before the second and the third attempt of an asynchronous event."""
    async_events_max: int = 100_000
    """Most asynchronous events that wait, of one function."""
    mapping_retry_s_min: float = 0.5
    mapping_retry_s_max: float = 60.0
    """A failed batch is tried again after so long, doubling from the first to the second."""
    log_lines_max: int = 10_000
    """Log lines kept of one function."""
    on_log: Callable[[str, str], None] | None = None
    """Called with the function's name and each log line."""
