"""One HTTP request, complete, and its address taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus

_FORM = "application/x-www-form-urlencoded"
_ACTION = re.compile(rb"(?:^|&)Action=([^&]{0,128})")
_RPC_PATH = re.compile(r"/service/[^/]+/operation/([^/]{1,128})/?")


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

    @property
    def is_form(self) -> bool:
        """Whether it speaks the query protocol: ``Action=…`` in a form or the address."""
        if self.headers.get("content-type", "").startswith(_FORM):
            return True
        return self.path == "/" and _ACTION.search(self.query.encode()) is not None

    @property
    def action(self) -> str:
        """The operation that a form names; empty where it names none."""
        found = _ACTION.search(self.body or self.query.encode())
        return unquote_plus(found[1].decode("utf-8", "replace")) if found else ""

    @property
    def called(self) -> str:
        """What is called, in the caller's words: a target, an action, or method and path."""
        target = self.headers.get("x-amz-target")
        if target is not None:
            return target
        if self.is_form and self.action:
            return self.action
        rpc = _RPC_PATH.fullmatch(self.path)
        return rpc[1] if rpc else f"{self.method} {self.path}"
