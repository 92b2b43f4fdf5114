"""A request whose length does not change from one transaction to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from squall.targets.forms import Reference, written


@dataclass(frozen=True, slots=True)
class Layout:
    """A request of constant length: its bytes, and where each column goes."""

    request: NDArray[np.uint8]
    places: tuple[tuple[int, int, Reference], ...]
    length_at: int
    """Where the Content-Length field begins."""
    body_at: int

    def filled(self, request: bytes, overrides: Mapping[str, bytes | None]) -> bytes | None:
        """A request with other values in some places; None where something is to be left out."""
        pieces: list[bytes] = []
        head: bytes | None = None
        done = 0
        for low, high, reference in self.places:
            if head is None and low >= self.body_at:
                head = b"".join([*pieces, request[done : self.length_at]])
                pieces, done = [], self.body_at
            if reference.field in overrides:
                value = overrides[reference.field]
                if value is None:
                    return None
                pieces += request[done:low], written(value, reference.form)
                done = high
        if head is None:
            head, done = b"".join([*pieces, request[done : self.length_at]]), self.body_at
            pieces = []
        body = b"".join([*pieces, request[done:]])
        return head + length_field(len(body)) + body


def length_field(length: int) -> bytes:
    """The last header field, and the empty line after it."""
    return b"Content-Length: %d\r\n\r\n" % length
