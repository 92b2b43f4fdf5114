"""Every error the platform raises on purpose.

    PlatformError
    ├── UsageError         exit 2: an option, port or directory the user can correct
    ├── HistoryError       exit 2: the labelled history is missing, unreadable or too small
    ├── StoreError         exit 2: the decision store cannot be opened, read or written
    └── LinkError          exit 4: a process of the platform lost or broke its link to another

A message says what is wrong, where, and what to change; it is shown as it is.
"""

from __future__ import annotations

HOW_TO_MAKE_HISTORY = (
    "make one with: squall data generate --count 120000 --seed 7 --out history.parquet"
)


class PlatformError(Exception):
    """Root of the tree."""

    exit_status = 2


class UsageError(PlatformError):
    """An option, a port or a directory cannot be used."""


class HistoryError(PlatformError):
    """There is nothing to learn from, or it cannot be read."""


class StoreError(PlatformError):
    """The decision store cannot be opened, read or written."""


class LinkError(PlatformError):
    """The link between two of the platform's processes is broken."""

    exit_status = 4
