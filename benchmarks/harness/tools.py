"""Other people's load tools, where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

TOOLS_VARIABLE = "SQUALL_BENCH_TOOLS"
"""Environment variable: directories to search before PATH, separated as PATH is."""


def find_tool(name: str) -> Path | None:
    """The executable, or None where it is not installed."""
    places = [os.environ.get(TOOLS_VARIABLE, ""), os.environ.get("PATH", ""), "/usr/sbin"]
    found = shutil.which(name, path=os.pathsep.join(place for place in places if place))
    return Path(found) if found else None


def tool_version(executable: Path, arguments: list[str], marker: str = "") -> str:
    """The first line of what it says of itself that holds ``marker``; empty if it says nothing."""
    try:
        said = subprocess.run(
            [str(executable), *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (said.stdout + "\n" + said.stderr).splitlines()
    return next((line.strip() for line in lines if line.strip() and marker in line), "")
