"""Memory and disk: room for the run, and a place to keep its result."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import psutil

from squall.cli.doctor.check import Check, Grade, graded

GIB = 1024**3
MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
MEMORY_USED = Path("/sys/fs/cgroup/memory.current")


def memory(
    available: int | None = None, limit: Path = MEMORY_LIMIT, used: Path = MEMORY_USED
) -> Check:
    """Memory free for use, bytes; a container's limit counts."""
    free = int(psutil.virtual_memory().available) if available is None else available
    room = _container_room(limit, used)
    if room is not None:
        free = min(free, room)
    return graded(
        "memory",
        free,
        warn_below=2 * GIB,
        problem_below=GIB // 4,
        found=f"{free / GIB:.1f} GiB free",
        advice="the reference platform and the load workers want about 2 GiB together;"
        " stop other work or send to a target elsewhere",
        values={"available_bytes": float(free)},
    )


def disk(directory: Path, free: int | None = None) -> Check:
    """Room where results are kept, bytes."""
    place = _existing(directory)
    room = shutil.disk_usage(place).free if free is None else free
    return graded(
        "disk",
        room,
        warn_below=2 * GIB,
        problem_below=GIB // 20,
        found=f"{room / GIB:.1f} GiB free in {place}",
        advice="make room, or keep results elsewhere",
        values={"free_bytes": float(room), "directory": str(place)},
    )


def directory_of(store: str) -> Path | None:
    """The directory of a results store in a file, given as its URL or path; None for a server."""
    scheme, separator, path = store.partition("://")
    if not separator:
        return Path(store).parent
    return Path(path.removeprefix("/")).parent if scheme.startswith("sqlite") else None


def writable(name: str, directory: Path) -> Check:
    """Whether files can be made in ``directory`` (or would be, once it is made)."""
    place = _existing(directory)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Check(
            name,
            Grade.PROBLEM,
            f"{directory} cannot be written ({error.strerror})",
            "change its permissions, or start squall in a directory of your own",
            {"directory": str(directory)},
        )
    return Check(name, Grade.GOOD, f"{directory} can be written", "", {"directory": str(directory)})


def _existing(directory: Path) -> Path:
    """The nearest directory on the way up that is there."""
    directory = directory.absolute()
    while not directory.is_dir() and directory != directory.parent:
        directory = directory.parent
    return directory


def _container_room(limit: Path, used: Path) -> int | None:
    """Bytes left in a version 2 control group, or None where there is no limit."""
    try:
        return int(limit.read_text()) - int(used.read_text())
    except (OSError, ValueError):  # no such file, or the word "max"
        return None
