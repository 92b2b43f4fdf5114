"""Python, the packages squall stands on, and the programs beside it."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import platform
import shutil
import ssl
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from squall.cli.doctor.check import Check, Grade

OLDEST_PYTHON = (3, 11)


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """The Python version."""
    good = version >= OLDEST_PYTHON
    shown = ".".join(map(str, version))
    return Check(
        "Python",
        Grade.GOOD if good else Grade.PROBLEM,
        f"{shown} ({platform.python_implementation()})",
        "" if good else "squall needs 3.11 or later",
        {"version": shown},
    )


def packages(requirements: Iterable[str] | None = None) -> Check:
    """Whether every required package is installed; ``requirements`` stands in for squall's."""
    if requirements is None:
        requirements = importlib.metadata.requires("squall") or ()
    versions: dict[str, float | str | None] = {}
    for requirement in requirements:
        if "extra ==" not in requirement:
            name = _distribution(requirement)
            versions[name] = _version(name)
    missing = sorted(name for name, version in versions.items() if version is None)
    if missing:
        return Check(
            "packages",
            Grade.PROBLEM,
            f"missing: {', '.join(missing)}",
            "install squall again: pip install squall, or make setup in its sources",
            versions,
        )
    main = ", ".join(f"{n} {versions[n]}" for n in ("numpy", "uvloop", "lightgbm") if n in versions)
    return Check(
        "packages", Grade.GOOD, f"{len(versions)} of {len(versions)}; {main}", "", versions
    )


def tls() -> Check:
    """The TLS library and the certificates it trusts."""
    trusted = ssl.create_default_context().cert_store_stats()["x509_ca"]
    by_directory = ssl.get_default_verify_paths().capath is not None
    good = trusted > 0 or by_directory
    return Check(
        "TLS",
        Grade.GOOD if good else Grade.WARNING,
        f"{ssl.OPENSSL_VERSION}, {trusted} trusted authorities",
        ""
        if good
        else "no certificate authority is trusted: install ca-certificates, or name a"
        " ca_file in the target file",
        {"version": ssl.OPENSSL_VERSION, "authorities": float(trusted)},
    )


def postgresql(find: Callable[[str], object | None] = importlib.util.find_spec) -> Check:
    """Whether results can be kept in PostgreSQL."""
    if find("psycopg") is not None:
        return Check("PostgreSQL driver", Grade.GOOD, f"psycopg {_version('psycopg')}")
    return Check(
        "PostgreSQL driver",
        Grade.WARNING,
        "absent; results can be kept in SQLite only",
        "only needed for a PostgreSQL store: pip install 'squall[postgres]'",
    )


def browser(which: Callable[[str], str | None] = shutil.which) -> Check:
    """Chromium, which nothing in this release needs."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := which(name):
            return Check("Chromium", Grade.GOOD, found)
    return Check(
        "Chromium",
        Grade.WARNING,
        "absent; reports are still made and open in any browser",
        "only needed to make pictures of reports: apt-get install chromium",
    )


def platform_command(which: Callable[[str], str | None] = shutil.which) -> Check:
    """The reference platform and the system library its model needs."""
    beside = Path(sys.executable).parent / "fraud-platform"
    found = str(beside) if beside.exists() else which("fraud-platform")
    if found is None:
        return Check(
            "reference platform",
            Grade.WARNING,
            "the fraud-platform command is not installed",
            "reinstall squall; targets of your own work without it",
        )
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        return Check(
            "reference platform",
            Grade.WARNING,
            "libgomp (OpenMP), which its model needs, is missing",
            "apt-get install libgomp1; targets of your own work without it",
        )
    return Check("reference platform", Grade.GOOD, found)


def _distribution(requirement: str) -> str:
    """The name at the start of a requirement such as ``psycopg[binary]>=3.2; extra == "x"``."""
    end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "-_.")), None)
    return requirement[:end]


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
