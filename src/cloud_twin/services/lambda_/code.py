"""Functions' code: ZIP archives, checked and unpacked where processes can import it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import shutil
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from cloud_twin.errors import AwsError

ZIPPED_BYTES_MAX = 50 * 1024 * 1024
UNZIPPED_BYTES_MAX = 250 * 1024 * 1024
_PREFIX = "cloud-twin-lambda-"


@dataclass(frozen=True, slots=True)
class CodePackage:
    """Unpacked code. ``sha256`` is of the archive, in base64, as AWS gives it."""

    directory: Path
    sha256: str
    size_bytes: int


class CodeDirectory:
    """A directory of this process for all code; removed by ``close``, or by the next twin."""

    def __init__(self, parent: Path | None) -> None:
        self._parent = parent or Path(tempfile.gettempdir())
        self._directory: Path | None = None

    def unpack(self, archive: bytes) -> CodePackage:
        """Check and unpack an archive (blocking). Raises ``AwsError``."""
        if len(archive) > ZIPPED_BYTES_MAX:
            raise AwsError(
                "RequestEntityTooLargeException",
                f"Request must be smaller than {ZIPPED_BYTES_MAX} bytes for the code archive",
                413,
            )
        directory = Path(tempfile.mkdtemp(dir=self._ready()))
        try:
            _extract(archive, directory)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,  # zipfile: a compression that it does not know
            RuntimeError,
            OSError,
        ) as error:
            shutil.rmtree(directory, ignore_errors=True)
            raise AwsError(
                "InvalidParameterValueException",
                "Could not unzip uploaded file. Please check your file, then try to upload again.",
                fields={"Type": "User"},
            ) from error
        except AwsError:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        sha256 = base64.b64encode(hashlib.sha256(archive).digest()).decode()
        return CodePackage(directory, sha256, len(archive))

    def remove(self, package: CodePackage) -> None:
        """Delete unpacked code."""
        shutil.rmtree(package.directory, ignore_errors=True)

    def close(self) -> None:
        """Delete everything."""
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def _ready(self) -> Path:
        if self._directory is None:
            self._parent.mkdir(parents=True, exist_ok=True)
            self._remove_leftovers()
            prefix = f"{_PREFIX}{os.getpid()}-"
            self._directory = Path(tempfile.mkdtemp(prefix=prefix, dir=self._parent))
        return self._directory

    def _remove_leftovers(self) -> None:
        """Code of twins that were killed: their process does not exist any more."""
        for directory in self._parent.glob(f"{_PREFIX}*-*"):
            pid = directory.name.removeprefix(_PREFIX).partition("-")[0]
            if pid.isdigit() and not _exists(int(pid)):
                shutil.rmtree(directory, ignore_errors=True)


def _extract(archive: bytes, directory: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        entries = opened.infolist()
        if sum(entry.file_size for entry in entries) > UNZIPPED_BYTES_MAX:
            raise AwsError(
                "InvalidParameterValueException",
                f"Unzipped size must be smaller than {UNZIPPED_BYTES_MAX} bytes",
                fields={"Type": "User"},
            )
        if not entries:
            raise AwsError(
                "InvalidParameterValueException",
                "Uploaded file must be a non-empty zip",
                fields={"Type": "User"},
            )
        for entry in entries:
            path = opened.extract(entry, directory)
            mode = entry.external_attr >> 16 & 0o777
            if mode and not entry.is_dir():
                with contextlib.suppress(OSError):
                    os.chmod(path, mode | 0o400)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
