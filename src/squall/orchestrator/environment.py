"""Where a run took place: versions and host facts, for its result."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil

from squall import __version__

_CPUINFO = Path("/proc/cpuinfo")


def describe_environment(name: str, epoch_s: float, cores: int) -> Mapping[str, str]:
    """Facts under short keys. ``epoch_s``: where the run's event time ends, Unix seconds."""
    return {
        "name": name,
        "squall": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cores": str(cores),
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "event_time_epoch": f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def _cpu_model() -> str:
    try:
        for line in _CPUINFO.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
