"""The function's code as an archive: the package as it is installed, nothing else."""

from __future__ import annotations

import importlib.resources
import io
import zipfile
from collections.abc import Iterator
from importlib.resources.abc import Traversable

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Every archive of the same code has the same bytes."""


def code_archive() -> bytes:
    """A ZIP of ``fraud_platform``. What it needs (NumPy, LightGBM, orjson, …) must be where the
    function runs: in a local twin it is, on AWS the container image of ``deploy/aws`` has it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(_files(importlib.resources.files("fraud_platform"), "")):
            entry = zipfile.ZipInfo(f"fraud_platform/{name}", _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _files(entry, f"{path}{entry.name}/")
        elif not entry.name.endswith(".pyc"):
            yield f"{path}{entry.name}", entry.read_bytes()
