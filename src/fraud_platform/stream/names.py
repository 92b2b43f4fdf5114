"""Names of the platform's resources in one AWS account and region."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fraud_platform.errors import UsageError

EXPIRY = "expires_s"
"""Attribute by which items of the decision and coordination tables expire, Unix seconds."""

_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?-?|")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class ResourceNames:
    """All names begin with ``prefix``, so that several platforms can share an account."""

    prefix: str = ""
    bucket: str = "fraud-platform-audit"
    """Bucket names are shared by all AWS accounts: on AWS choose one of your own."""

    @property
    def transactions(self) -> str:
        """The stream that transactions come in by."""
        return f"{self.prefix}transactions"

    @property
    def decisions(self) -> str:
        """The stream that decisions go out by."""
        return f"{self.prefix}decisions"

    @property
    def decision_table(self) -> str:
        """Key ``run_bucket`` and ``transaction_id``: one item per transaction."""
        return f"{self.prefix}decisions"

    @property
    def profile_table(self) -> str:
        """Key ``user_id``: what is remembered of each customer."""
        return f"{self.prefix}profiles"

    @property
    def coordination_table(self) -> str:
        """Key ``kind`` and ``name``: owners of lanes, figures of environments."""
        return f"{self.prefix}coordination"

    @property
    def dead_letters(self) -> str:
        """The queue of what could not be decided."""
        return f"{self.prefix}dead-letters"

    @property
    def function(self) -> str:
        """The function that decides."""
        return f"{self.prefix}decide"

    def environment(self) -> dict[str, str]:
        """As a function's environment variables."""
        return {"FRAUD_PREFIX": self.prefix, "FRAUD_BUCKET": self.bucket}


def make_names(prefix: str, bucket: str | None) -> ResourceNames:
    """Names with a prefix; raises ``UsageError`` for one that AWS would not take."""
    if not _PREFIX.fullmatch(prefix):
        raise UsageError(
            f"--prefix {prefix}: use at most 30 small letters, digits and dashes,"
            " and begin with a letter or digit"
        )
    chosen = bucket or f"{prefix}fraud-platform-audit"
    if not _BUCKET.fullmatch(chosen):
        raise UsageError(f"--bucket {chosen}: use 3 to 63 small letters, digits and dashes")
    return ResourceNames(prefix, chosen)


def names_from(environment: Mapping[str, str]) -> ResourceNames:
    """What ``environment`` wrote."""
    return make_names(environment.get("FRAUD_PREFIX", ""), environment.get("FRAUD_BUCKET"))
