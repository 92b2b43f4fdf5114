from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.harness.tools import TOOLS_VARIABLE, find_tool, tool_version


def make_tool(path: Path, says: str) -> None:
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


def test_the_tools_directory_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
        make_tool(tmp_path / name / "hey", name)
    monkeypatch.setenv("PATH", str(tmp_path / "theirs"))
    assert find_tool("hey") == tmp_path / "theirs" / "hey"
    monkeypatch.setenv(TOOLS_VARIABLE, str(tmp_path / "ours"))
    assert find_tool("hey") == tmp_path / "ours" / "hey"


def test_what_is_missing_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_tool("no-such-load-tool") is None


def test_a_version_is_the_marked_line(tmp_path: Path) -> None:
    make_tool(tmp_path / "tool", "usage: tool\ntool 1.2.3\n")
    assert tool_version(tmp_path / "tool", [], "tool 1") == "tool 1.2.3"
    assert tool_version(tmp_path / "tool", [], "other") == ""
    assert tool_version(tmp_path / "missing", []) == ""
