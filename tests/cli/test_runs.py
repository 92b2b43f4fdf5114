"""``squall runs`` as a user meets it: the real command, a real store."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.results.example import example_results, small_results
from typer.testing import CliRunner, Result

from squall.cli.main import app
from squall.errors import SquallError
from squall.models import Verdict
from squall.results import TestResultsStore, from_json, to_json

Squall = Callable[..., Result]

FIRST = dataclasses.replace(
    small_results(), run_id="20260301T090000Z-aaaaaa", started_at="2026-03-01T09:00:00.000Z"
)
SECOND = dataclasses.replace(
    small_results(verdict=Verdict.FAILED),
    run_id="20260302T090000Z-bbbbbb",
    started_at="2026-03-02T09:00:00.000Z",
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "runs.db"
    with TestResultsStore(str(path)) as opened:
        opened.save(FIRST)
        opened.save(SECOND)
    return path


@pytest.fixture
def squall(tmp_path: Path) -> Squall:
    """Runs ``squall runs …`` with a store of its own in the environment."""

    def run(*arguments: str | Path, typed: str | None = None) -> Result:
        return CliRunner().invoke(
            app,
            ["runs", *map(str, arguments)],
            input=typed,
            env={"SQUALL_STORE": str(tmp_path / "runs.db"), "HOME": str(tmp_path)},
        )

    return run


def _complaint(result: Result) -> str:
    assert isinstance(result.exception, SquallError), result.output
    return str(result.exception)


def test_list_shows_the_newest_first(squall: Squall, store: Path) -> None:
    lines = squall("list").output.splitlines()
    assert SECOND.run_id in lines[1]
    assert "✗ failed" in lines[1]
    assert FIRST.run_id in lines[2]
    assert "✓ passed" in lines[2]


def test_list_filters(squall: Squall, store: Path) -> None:
    assert FIRST.run_id not in squall("list", "--verdict", "failed").output
    assert FIRST.run_id not in squall("list", "--since", "2026-03-02").output
    assert "1 of 2 runs" in squall("list", "--limit", "1").output
    assert "None of the 2 runs" in squall("list", "--scenario", "burst").output
    assert "is no time: write 2026-03-14" in _complaint(squall("list", "--since", "yesterday"))


def test_list_of_nothing(squall: Squall) -> None:
    assert "No runs in" in squall("list").output


def test_list_as_json(squall: Squall, store: Path, tmp_path: Path) -> None:
    squall("list", "--json", tmp_path / "list.json")
    rows = json.loads((tmp_path / "list.json").read_bytes())
    assert [row["run_id"] for row in rows] == [SECOND.run_id, FIRST.run_id]
    assert json.loads(squall("list", "--json", "-").output) == rows


def test_a_run_that_is_still_going_is_listed(squall: Squall, store: Path) -> None:
    with TestResultsStore(str(store)) as opened:
        opened.start("r", scenario="burst", target="", seed=1, started_at="2026-04-01T00:00:00Z")
    assert "… running" in squall("list").output
    assert SECOND.run_id in squall("show", "latest").output


@pytest.mark.parametrize("reference", ["latest~1", "20260301", FIRST.run_id])
def test_show_finds_a_run_by_any_name(squall: Squall, store: Path, reference: str) -> None:
    output = squall("show", reference).output
    assert FIRST.run_id in output
    assert "✓ Passed" in output


def test_show_as_json_is_the_result(squall: Squall, store: Path, tmp_path: Path) -> None:
    squall("show", "latest", "--json", tmp_path / "r.json")
    assert from_json((tmp_path / "r.json").read_bytes()) == SECOND
    assert from_json(squall("show", "latest", "--json", "-").output) == SECOND


def test_an_unknown_run_gets_a_suggestion(squall: Squall, store: Path) -> None:
    said = _complaint(squall("show", "20260301T090000Z-aaaaab"))
    assert "did you mean 20260301T090000Z-aaaaaa" in said


def test_a_result_s_file_stands_for_a_run(squall: Squall, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(to_json(FIRST))
    assert FIRST.run_id in squall("show", tmp_path / "a.json").output
    assert not (tmp_path / "runs.db").exists()
    assert "No such file" in _complaint(squall("show", tmp_path / "b.json"))
    (tmp_path / "c.json").write_text("{}")
    assert "is not a squall result" in _complaint(squall("show", tmp_path / "c.json"))


def test_compare(squall: Squall, store: Path, tmp_path: Path) -> None:
    result = squall("compare", "latest~1", "latest", "--json", tmp_path / "c.json")
    assert result.exit_code == 0
    assert "response P99" in result.output
    assert "= same" in result.output
    assert json.loads((tmp_path / "c.json").read_bytes())["run_ids"] == [
        FIRST.run_id,
        SECOND.run_id,
    ]


def test_compare_can_fail_a_build(squall: Squall, tmp_path: Path) -> None:
    fast = example_results(peak_tps=300, duration_s=60)
    slow = example_results(peak_tps=300, duration_s=60, run_id="slow", slowness=1.5, seed=8)
    for name, results in (("fast.json", fast), ("slow.json", slow)):
        (tmp_path / name).write_bytes(to_json(results))
    a, b = tmp_path / "fast.json", tmp_path / "slow.json"
    result = squall("compare", a, b, "--fail-on-worse")
    assert result.exit_code == 1
    assert "▼ worse" in result.output
    assert "! the seeds differ" in result.output
    assert squall("compare", b, a, "--fail-on-worse").exit_code == 0
    assert "two runs or more" in _complaint(squall("compare", a))


def test_export(squall: Squall, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = squall("export", "latest", "--format", "html, md,csv", "--out", out)
    assert result.output.split() == [
        str(out / name) for name in ("report.html", "report.md", "seconds.csv")
    ]
    assert "pdf is no report format" in _complaint(squall("export", "--format", "pdf"))


def test_import_keeps_a_result(squall: Squall, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(to_json(FIRST))
    assert f"{FIRST.run_id} is in" in squall("import", tmp_path / "a.json").output
    assert FIRST.run_id in squall("list").output


def test_delete_asks_first(squall: Squall, store: Path) -> None:
    assert "Nothing was deleted" in squall("delete", "latest", typed="n\n").output
    assert FIRST.run_id in squall("list").output
    assert SECOND.run_id in squall("list").output
    assert f"deleted {SECOND.run_id}" in squall("delete", "latest", typed="y\n").output
    assert SECOND.run_id not in squall("list").output


def test_delete_of_several_without_asking(squall: Squall, store: Path) -> None:
    squall("delete", "20260301", "20260302", "--yes")
    assert "No runs in" in squall("list").output


def test_delete_deletes_nothing_when_one_is_unknown(squall: Squall, store: Path) -> None:
    assert "there is no run" in _complaint(squall("delete", "20260301", "zzz", "--yes"))
    assert FIRST.run_id in squall("list").output


def test_another_store_by_option(squall: Squall, store: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    squall("import", _file(tmp_path), "--store", other)
    assert SECOND.run_id not in squall("list", "--store", other).output
    assert "is no results store" in _complaint(squall("list", "--store", "ftp://x/y"))


def test_a_file_that_cannot_be_written(squall: Squall, store: Path, tmp_path: Path) -> None:
    said = _complaint(squall("show", "--json", tmp_path / "missing" / "r.json"))
    assert said.startswith("--json: ")
    assert "cannot be written: No such file or directory" in said


def _file(directory: Path) -> Path:
    path = directory / "first.json"
    path.write_bytes(to_json(FIRST))
    return path
