from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.event_source_mapping import lines, seen
from benchmarks.servers.arrival_handler import DIRECTORY_VARIABLE, handler


def event(*numbers: str) -> dict[str, object]:
    parts = [{"sequenceNumber": n, "approximateArrivalTimestamp": 1.5} for n in numbers]
    return {"Records": [{"kinesis": part} for part in parts]}


def test_it_notes_when_and_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    before = time.time()
    handler(event("1", "2"), None)
    handler(event("3"), None)
    (first_file, first), (second_file, second) = lines(tmp_path)
    assert first_file == second_file
    assert before <= first.entered_s <= second.entered_s <= time.time()
    assert first.records == [("1", 1.5), ("2", 1.5)]
    assert second.records == [("3", 1.5)]
    assert seen(tmp_path) == 3


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_text('{"entered_s":1,"records":[["1",1]]}\n{"entered_s":2,"rec')
    assert seen(tmp_path) == 1
