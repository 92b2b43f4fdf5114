from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.harness.bars import BARS, Bar, Relation, Standing, read_causes
from benchmarks.harness.processes import BenchmarkError


def bar(relation: Relation, limit: float = 5.0) -> Bar:
    return Bar("key", "benchmark", "title", relation, limit, "ms")


@pytest.mark.parametrize(
    ("relation", "measured", "standing"),
    [
        (Relation.AT_MOST, 4.9, Standing.MET),
        (Relation.AT_MOST, 5.0, Standing.MET),
        (Relation.AT_MOST, 5.1, Standing.NOT_MET),
        (Relation.BELOW, 4.9, Standing.MET),
        (Relation.BELOW, 5.0, Standing.NOT_MET),
        (Relation.AT_LEAST, 5.0, Standing.MET),
        (Relation.AT_LEAST, 4.9, Standing.NOT_MET),
        (Relation.REPORTED, 1e9, Standing.REPORTED),
        (Relation.AT_MOST, None, Standing.NOT_MEASURED),
        (Relation.REPORTED, None, Standing.NOT_MEASURED),
        (Relation.AT_MOST, float("nan"), Standing.NOT_MET),
    ],
)
def test_verdicts(relation: Relation, measured: float | None, standing: Standing) -> None:
    assert bar(relation).judge(measured) is standing


def test_targets_in_words() -> None:
    assert bar(Relation.AT_MOST).target == "at most 5 ms"
    assert bar(Relation.BELOW, 240).target == "below 240 ms"
    assert bar(Relation.REPORTED).target == "reported"
    assert bar(Relation.AT_MOST).shown(1234.5) == "1,234.50 ms"


def test_keys_are_unique() -> None:
    assert len({each.key for each in BARS}) == len(BARS)


def test_the_shipped_causes_can_be_read() -> None:
    assert read_causes().keys() <= {each.key for each in BARS}


def test_no_file_means_no_causes(tmp_path: Path) -> None:
    assert read_causes(tmp_path / "none.yaml") == {}


@pytest.mark.parametrize("text", ["no_such_bar: because", "- a list", "memory_growth_mb: [1]", "{"])
def test_a_wrong_causes_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "causes.yaml"
    path.write_text(text)
    with pytest.raises(BenchmarkError, match=r"causes\.yaml"):
        read_causes(path)
