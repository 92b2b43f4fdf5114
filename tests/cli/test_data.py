"""``squall data generate`` and ``describe``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from squall.cli.data import app
from squall.errors import ConfigurationError, DataFileError
from squall.load_generator.transactions import FIELDS
from squall.load_generator.transactions.files import LABEL_COLUMNS

UNTIL = ("--until", "1795000000")


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_generate_writes_all_columns_and_repeats_itself(tmp_path: Path, suffix: str) -> None:
    contents = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.{suffix}"
        run("generate", "--count", "9000", "--seed", "3", "--out", str(path), *UNTIL)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    if suffix == "jsonl":
        rows = [json.loads(line) for line in contents[0].splitlines()]
        assert len(rows) == 9_000
        assert tuple(rows[0]) == (*FIELDS, *LABEL_COLUMNS)
        return
    table = pq.read_table(path) if suffix == "parquet" else pa_csv.read_csv(path)
    assert table.num_rows == 9_000
    assert tuple(table.column_names) == (*FIELDS, *LABEL_COLUMNS)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a.{suffix}", f"b.{suffix}"]


def test_labels_can_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    run("generate", "--count", "100", "--no-labels", "--out", str(path), *UNTIL)
    assert tuple(pq.read_table(path).column_names) == FIELDS


def test_a_mix_has_its_share_of_fraud(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    run("generate", "--count", "32000", "--mix", "realistic", "--out", str(path), *UNTIL)
    labels = pq.read_table(path)["label"].to_pylist()
    assert labels.count("fraud") == 32
    assert labels.count("edge_case") == 0


def test_describe_shows_measures_beside_aims(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    run("generate", "--count", "20000", "--out", str(path), *UNTIL)
    text = run("describe", str(path))
    assert "Gini" in text
    assert "Atlanta Fed" in text
    assert run("describe", "--seed", "4", "--count", "5000").count("customers seen") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("generate", "--out", "a.txt"), "must end in"),
        (("generate", "--out", "no/such/place/a.csv"), "no directory"),
        (("generate", "--out", "a.csv", "--mix", "spicy"), "no mix 'spicy'"),
        (("generate", "--out", "a.csv", "--population", "3"), "population"),
        (("describe",), "either a file or --seed"),
    ],
)
def test_bad_options_say_what_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        run(*words)
    assert list(tmp_path.iterdir()) == []


def test_describe_names_a_missing_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("user_id,amount\nu1,5\n")
    with pytest.raises(DataFileError, match=r"a\.csv.*currency"):
        run("describe", str(path))


def test_an_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    command = [
        sys.executable, "-m", "squall.cli.main", "data", "generate", "--count", "50000000",
        "--population", "2000", "--out", str(path),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not any(p.stat().st_size for p in tmp_path.glob(".a.jsonl*")):
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 4
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_a_full_disk_is_one_message(tmp_path: Path, suffix: str) -> None:
    limited = (
        "import resource, sys;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000));"
        "from squall.cli.main import main;"
        "sys.exit(main())"
    )
    path = tmp_path / f"a.{suffix}"
    words = ["data", "generate", "--count", "20000", "--out", str(path)]
    done = subprocess.run(
        [sys.executable, "-c", limited, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert f"{path}: cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
