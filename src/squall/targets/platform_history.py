"""The labelled past the reference platform learns from: made once, then kept.

It is made by squall's own ``data generate`` in a process of its own, from a seed that no run uses
by default, so that no customer, card or merchant of a run is in it.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.resources
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path

from squall.errors import ConfigurationError, TargetUnreachable

HISTORY_SEED = 7
"""Seed of the history. A run with this seed would meet customers the platform has learnt."""
HISTORY_COUNT = 120_000
"""Transactions in the history."""


def default_cache_dir(environment: Mapping[str, str]) -> Path:
    """What can be made again lives in ``$XDG_CACHE_HOME/squall`` or ``~/.cache/squall``."""
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "squall"


async def ensure_history(
    cache_dir: Path,
    progress: Callable[[str], None],
    count: int = HISTORY_COUNT,
    seed: int = HISTORY_SEED,
) -> Path:
    """The history's Parquet file, made now if it is not there yet.

    Its name carries a digest of the code that makes transactions, so a new version of squall
    makes a new one. Raises ``ConfigurationError`` where the cache cannot be written and
    ``TargetUnreachable`` where making it fails.
    """
    path = cache_dir / f"history-{count}-{seed}-{_factory_digest()}.parquet"
    if path.exists():
        return path
    progress(f"making the platform's past, {count:,} labelled transactions (once)")
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        unfinished = tempfile.TemporaryDirectory(prefix="unfinished-", dir=cache_dir)
    except OSError as error:
        raise ConfigurationError(
            f"{cache_dir}: cannot be written ({error.strerror}); set XDG_CACHE_HOME to a"
            " directory you can write"
        ) from error
    with unfinished as folder:
        made = Path(folder) / path.name
        await _generate(made, count, seed)
        made.replace(path)  # in one step, so that two launches at a time do no harm
    return path


async def _generate(path: Path, count: int, seed: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "squall.cli.main",
        "data",
        "generate",
        f"--count={count}",
        f"--seed={seed}",
        f"--out={path}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, errors = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise TargetUnreachable(
            "the platform's past could not be made:"
            f" squall data generate ended with status {process.returncode}\n"
            + errors.decode("utf-8", "replace").strip()
        )


def _factory_digest() -> str:
    """Twelve hexadecimal digits that change with the code that makes transactions."""
    digest = hashlib.sha256()
    for package in ("squall.models", "squall.load_generator.transactions"):
        _digest_tree(importlib.resources.files(package), digest)
    return digest.hexdigest()[:12]


def _digest_tree(folder: Traversable, digest: hashlib._Hash) -> None:
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.is_dir() and entry.name != "__pycache__":
            _digest_tree(entry, digest)
        elif entry.name.endswith((".py", ".json", ".csv", ".npz", ".yaml")):
            digest.update(entry.name.encode())
            digest.update(entry.read_bytes())
