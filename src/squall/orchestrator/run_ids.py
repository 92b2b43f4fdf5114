"""Names of a run: one for people and files, one short enough for every transaction id."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from squall.models.transactions import RUN_TAG_LENGTH

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_run_id(now_unix_s: float, randomness: bytes) -> str:
    """``20261123T184502Z-3f9a1c``: sorts by time; the random part keeps two of a second apart.

    ``randomness``: at least three bytes.
    """
    if len(randomness) < 3:
        raise ValueError("a run id needs three random bytes")
    moment = datetime.fromtimestamp(now_unix_s, UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}-{randomness[:3].hex()}"


def run_tag_of(run_id: str) -> str:
    """Eight characters of 0–9 and a–z that start every transaction id of the run.

    A hash of the run id, so that it can be found again from it. Two runs share a tag with a chance
    of one in 36⁸ (2.8 · 10¹²).
    """
    number = int.from_bytes(hashlib.sha256(run_id.encode()).digest(), "big")
    characters = []
    for _ in range(RUN_TAG_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(characters)
