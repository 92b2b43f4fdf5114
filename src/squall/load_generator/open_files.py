"""How many files a load worker may have open: each of its connections takes one."""

from __future__ import annotations

import contextlib
import resource

from squall.errors import ConfigurationError

OTHER_FILES = 24
"""What a worker has open beside its connections: about a dozen, and more for a moment while it
resolves names, reads a data file and calibrates."""


def raise_limit() -> None:
    """Let this process open as many files as its hard limit allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def check_limit(connections: int, workers: int, limit: int | None = None) -> None:
    """See that every worker may open its share of the connections.

    ``limit`` is the hard limit of one process; None: this one's, which its workers inherit.

    Raises ``ConfigurationError`` where it is too low.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1] if limit is None else limit
    needed = -(-connections // workers) + OTHER_FILES
    if hard == resource.RLIM_INFINITY or needed <= hard:
        return
    raise ConfigurationError(
        f"a load worker with {-(-connections // workers):,} connections needs {needed:,} open "
        f"files, the limit is {hard:,}; ulimit -n 65536, or fewer client.connections"
    )
