from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from squall.cli import files
from squall.cli.files import write_anywhere, write_whole


def test_a_file_is_whole_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "r.json", b"one")
    write_whole(tmp_path / "r.json", b"two")
    assert (tmp_path / "r.json").read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["r.json"]


def test_what_was_there_stays_where_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.json").write_bytes(b"before")

    def full(part: Path, there: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "r.json", b"after")
    assert (tmp_path / "r.json").read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["r.json"]


def test_a_link_stays_one_and_a_mode_too(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"")
    (tmp_path / "there").chmod(0o640)
    (tmp_path / "link").symlink_to("there")
    write_whole(tmp_path / "link", b"text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there").read_bytes() == b"text"
    assert (tmp_path / "there").stat().st_mode & 0o777 == 0o640


def test_devices_are_written_as_they_are(tmp_path: Path) -> None:
    write_whole(Path("/dev/null"), b"text")
    with pytest.raises(OSError, match="No space left"):
        write_whole(Path("/dev/full"), b"text")
    program = f"from {files.__name__} import *; write_whole(Path('/dev/stdout'), b'text')"
    with open(tmp_path / "out", "wb") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True)
    assert (tmp_path / "out").read_bytes() == b"text"


def test_the_first_place_that_takes_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    places = (tmp_path / "file" / "below", tmp_path / "new" / "place", tmp_path)
    assert write_anywhere("r.json", b"text", places) == tmp_path / "new" / "place" / "r.json"
    with pytest.raises(OSError, match=r"anywhere: .*below: Not a directory"):
        write_anywhere("r.json", b"text", places[:1])
