"""Shard iterators and list tokens: opaque text that says where a reader is, and since when."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hashlib import blake2s

_VERSION = b"\x00\x00\x00\x00\x00\x00\x00\x01"
_CHECK_BYTES = 8
_FIELDS = 5


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A reader's place in a shard."""

    made_ms: int
    """Unix milliseconds."""
    stream_number: int
    shard_number: int
    position: int
    stream_arn: str

    def encode(self) -> str:
        """As text for the reader."""
        numbers = (self.made_ms, self.stream_number, self.shard_number, self.position)
        return seal("/".join([*map(str, numbers), self.stream_arn]).encode())

    @classmethod
    def decode(cls, token: str) -> Bookmark | None:
        """What ``encode`` made; None for any other text."""
        payload = unseal(token)
        if payload is None or payload.startswith(b"{"):
            return None
        pieces = payload.decode().split("/", _FIELDS - 1)
        made_ms, stream_number, shard_number, position = map(int, pieces[:-1])
        return cls(made_ms, stream_number, shard_number, position, pieces[-1])


def seal(payload: bytes) -> str:
    """Payload as opaque text with a check sum."""
    return base64.b64encode(_VERSION + _check(payload) + payload).decode()


def unseal(token: str) -> bytes | None:
    """The payload of ``seal``; None for any other text."""
    try:
        raw = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return None
    head = len(_VERSION)
    check, payload = raw[head : head + _CHECK_BYTES], raw[head + _CHECK_BYTES :]
    if not raw.startswith(_VERSION) or check != _check(payload):
        return None
    return payload


def _check(payload: bytes) -> bytes:
    return blake2s(payload, digest_size=_CHECK_BYTES).digest()
