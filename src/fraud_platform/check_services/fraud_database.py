"""A shared fraud database: devices, payees and addresses that were reported before.

It is asked by ranges of fingerprints, so that it does not learn whom it is asked about: one answer
holds the listed fingerprints of one 256th of all there are.
"""

from __future__ import annotations

import random
import re
from hashlib import sha256
from typing import Any

from fraud_platform.check_services.draws import share_of

VALID_S = 3_600
LISTED_SHARES = {"device": 0.004, "payee": 0.006, "address": 0.008}
"""Drawn: which ones are listed says nothing about the transactions they are in, unless they are
listed by hand."""
CATEGORIES = {
    "device": ("stolen_device", "emulator", "account_takeover"),
    "payee": ("mule_account", "scam_receiver", "invoice_fraud"),
    "address": ("card_testing", "credential_stuffing", "open_proxy"),
}
PREFIX_DIGITS, SUFFIX_DIGITS = 2, 4
ENTRIES_LIMIT = 100_000
_SUFFIXES = 16**SUFFIX_DIGITS
_MOST_REPORTS = 40
_PREFIX = re.compile(rf"[0-9a-f]{{{PREFIX_DIGITS}}}")


def fingerprint(kind: str, what: str) -> tuple[str, str]:
    """Prefix and suffix: the first digits of the SHA-256 of ``kind:what``, in hexadecimal."""
    digits = sha256(f"{kind}:{what}".encode("utf-8", "surrogatepass")).hexdigest()
    return digits[:PREFIX_DIGITS], digits[PREFIX_DIGITS : PREFIX_DIGITS + SUFFIX_DIGITS]


class FraudDatabaseAnswers:
    """``GET /v1/ranges/{kind}/{prefix}``."""

    name = "fraud-database"

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._by_hand: dict[tuple[str, str], set[str]] = {}
        self._made: dict[tuple[str, str], dict[str, Any]] = {}
        self._count = 0

    def answer(self, parts: tuple[str, ...]) -> dict[str, Any] | None:
        """The answer to a path, or None where there is nothing."""
        if parts[:2] != ("v1", "ranges") or len(parts) != 4 or parts[2] not in LISTED_SHARES:
            return None
        kind, prefix = parts[2:]
        if not _PREFIX.fullmatch(prefix):
            return None
        if (kind, prefix) not in self._made:  # there are 768
            self._made[kind, prefix] = self._range(kind, prefix)
        return self._made[kind, prefix]

    def _range(self, kind: str, prefix: str) -> dict[str, Any]:
        count = round(LISTED_SHARES[kind] * _SUFFIXES)
        drawn = random.Random(f"{self._seed}-{self.name}-{kind}-{prefix}")
        suffixes = {f"{n:0{SUFFIX_DIGITS}x}" for n in drawn.sample(range(_SUFFIXES), count)}
        suffixes |= self._by_hand.get((kind, prefix), set())
        return {
            "kind": kind,
            "prefix": prefix,
            "entries": {suffix: self._entry(kind, prefix, suffix) for suffix in sorted(suffixes)},
            "valid_s": VALID_S,
        }

    def list_by_hand(self, entries: set[tuple[str, str]]) -> int | None:
        """List these ``(kind, id)`` too; how many are listed by hand then. None: too many."""
        if self._count + len(entries) > ENTRIES_LIMIT:
            return None
        for kind, what in entries:
            prefix, suffix = fingerprint(kind, what)
            listed = self._by_hand.setdefault((kind, prefix), set())
            self._count += suffix not in listed
            listed.add(suffix)
            self._made.pop((kind, prefix), None)
        return self._count

    def _entry(self, kind: str, prefix: str, suffix: str) -> dict[str, Any]:
        detail = share_of(self._seed, self.name, kind, prefix, suffix)
        categories = CATEGORIES[kind]
        return {
            "category": categories[int(detail * len(categories))],
            "reports": 1 + int(detail * _MOST_REPORTS),
        }
