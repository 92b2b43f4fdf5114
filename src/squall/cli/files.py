"""Files of results: a whole one or none, and another place where there is no room for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_STREAMS = ("/dev/", "/proc/")
"""Below these a name stands for something that is open already, and keeps its place."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that one of this name is never a part: what was there stays until then.

    A pipe, a device or ``/dev/stdout`` is written as it is. Raises ``OSError``.
    """
    if _is_stream(path):
        path.write_bytes(content)
        return
    there = path.resolve()  # a link stays one
    part = there.with_name(f".{there.name}.{os.getpid()}.part")
    try:
        file = part.open("xb")
    except PermissionError:
        if not there.exists():
            raise
        there.write_bytes(content)  # it may be written, its directory may not
        return
    try:
        with file:
            file.write(content)
        if there.exists():
            shutil.copymode(there, part)
        part.replace(there)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def write_anywhere(name: str, content: bytes, directories: Sequence[Path]) -> Path:
    """Write to the first directory that takes it; returns the file.

    Raises ``OSError`` with every directory's reason where none does.
    """
    reasons = []
    for directory in directories:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            write_whole(directory / name, content)
        except OSError as error:
            reasons.append(f"{directory}: {error.strerror}")
            continue
        return directory / name
    raise OSError("the result could not be kept anywhere: " + "; ".join(reasons))


def _is_stream(path: Path) -> bool:
    return os.path.abspath(path).startswith(_STREAMS) or (path.exists() and not path.is_file())
