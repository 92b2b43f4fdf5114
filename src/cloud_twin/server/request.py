"""One HTTP request, complete, and its address taken apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl


@dataclass(slots=True)
class Request:
    """As it came: ``path`` and ``query`` still percent-encoded, header names in lower case.

    Headers sent more than once are joined with commas.
    """

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def arguments(self) -> dict[str, str]:
        """Query parameters, decoded; one without a value is empty, the first of a name counts."""
        arguments: dict[str, str] = {}
        if self.query:
            for name, value in parse_qsl(self.query, keep_blank_values=True):
                arguments.setdefault(name, value)
        return arguments
