"""Markdown, terminal, JUnit, CSV and HdrHistogram logs against golden files and other readers."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from rich.console import Console
from tests.results.example import small_results

from squall.errors import ConfigurationError
from squall.models import CriterionResult, TestResults, Verdict
from squall.models.histogram import HIGHEST_US
from squall.results import FORMATS, TerminalSummary, from_json, write_reports
from squall.results.histograms import decode
from squall.results.reports.csv import render_csv
from squall.results.reports.hdr_log import render_hdr_log
from squall.results.reports.junit import render_junit
from squall.results.reports.markdown import render_markdown

Golden = Callable[[str, str], None]


def _terminal(results: TestResults, encoding: str = "utf-8", colour: bool = False) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(
        file=file, width=100, force_terminal=colour, color_system="truecolor" if colour else None
    )
    console.print(TerminalSummary(results))
    file.flush()
    buffer = file.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("name", ["passed", "failed"])
def test_golden_files(name: str, request: pytest.FixtureRequest, golden: Golden) -> None:
    results: TestResults = request.getfixturevalue(name)
    golden(f"{name}.md", render_markdown(results))
    golden(f"{name}.junit.xml", render_junit(results).decode())
    golden(f"{name}.terminal.txt", _terminal(results))


def test_golden_csv(golden: Golden) -> None:
    golden("small.csv", render_csv(small_results()))


def test_the_terminal_uses_colour_only_where_it_may(failed: TestResults) -> None:
    assert "\x1b" not in _terminal(failed)
    coloured = _terminal(failed, colour=True)
    assert "\x1b[1;31m✗ Failed" in coloured


def test_a_terminal_without_unicode_gets_plain_signs(failed: TestResults) -> None:
    text = _terminal(failed, encoding="ascii")
    assert "x Failed" in text


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_its_words(verdict: Verdict) -> None:
    results = small_results(verdict=verdict)
    for text in (_terminal(results), render_markdown(results)):
        assert {
            Verdict.PASSED: "Passed",
            Verdict.FAILED: "Failed",
            Verdict.INVALID: "Not valid",
            Verdict.ABORTED: "Aborted",
            Verdict.NOT_JUDGED: "Not judged",
        }[verdict] in text


def test_csv_reads_back(failed: TestResults) -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(failed))))
    assert len(rows) == len(failed.seconds)
    assert sum(int(row["accepted"]) for row in rows) == failed.accounting.accepted
    assert float(rows[90]["response_ms_p99"]) == failed.seconds[90].response_p99


def test_csv_leaves_out_what_was_not_measured() -> None:
    results = small_results()
    idle = dataclasses.replace(results.seconds[0], response_p50=None)
    text = render_csv(dataclasses.replace(results, seconds=(idle,)))
    assert next(csv.DictReader(io.StringIO(text)))["response_ms_p50"] == ""


def _suite(results: TestResults) -> ET.Element:
    suite = ET.fromstring(render_junit(results)).find("testsuite")
    assert suite is not None
    return suite


def test_junit_has_one_case_for_each_check(failed: TestResults) -> None:
    suite = _suite(failed)
    names = [case.get("name") for case in suite.findall("testcase")]
    checks = [c.expression for c in failed.criteria]
    assert names == [*checks, *(f"{s.metric} stays stable" for s in failed.stability)]
    failures = [c.get("name") for c in suite.findall("testcase") if c.find("failure") is not None]
    assert failures == ["lost == 0", "error_rate < 0.1 %"]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("7", "2", "0")


@pytest.mark.parametrize("verdict", [Verdict.INVALID, Verdict.ABORTED])
def test_junit_of_a_run_that_says_nothing_cannot_pass_a_build(verdict: Verdict) -> None:
    suite = _suite(small_results(verdict=verdict))
    assert suite.get("errors") == "1"


def test_junit_of_what_could_not_be_judged_cannot_pass_a_build() -> None:
    suite = _suite(small_results(criteria=(CriterionResult("lost == 0", None, None, "no read"),)))
    error = suite.find("testcase/error")
    assert error is not None
    assert error.get("message") == "measured not measured; no read"


def test_junit_is_xml_whatever_the_names_hold() -> None:
    awkward = "<&\"'> \x00\x0b\ud800 \uffff é 漢".encode("utf-8", "surrogatepass").decode(
        "utf-8", "replace"
    )
    results = small_results(
        target=awkward, criteria=(CriterionResult(awkward, False, awkward, awkward),)
    )
    case = _suite(results).find("testcase")
    assert case is not None
    assert "é 漢" in str(case.get("name"))


def test_markdown_tables_survive_awkward_names() -> None:
    text = render_markdown(small_results(errors={"a|b\nc": 4}))
    assert "| `a\\|b c` | 4 |" in text


def test_precision_is_never_quoted_at_the_stress_mix(passed: TestResults) -> None:
    assert "15%" in passed.detection.precision_at_prevalence
    text = render_markdown(passed)
    assert "at 0.1% fraud" in text
    assert "at 15% fraud" not in text


def test_the_hdr_log_is_read_by_hdrhistograms_own_reader(
    failed: TestResults, tmp_path: Path
) -> None:
    path = tmp_path / "latency.hlog"
    path.write_text(render_hdr_log(failed))
    reader = HistogramLogReader(str(path), HdrHistogram(1, HIGHEST_US, 3))
    logs = failed.histograms
    assert logs is not None
    for tag, encoded in (
        ("response", logs.response),
        ("service", logs.service),
        ("lateness", logs.lateness),
    ):
        interval = reader.get_next_interval_histogram()
        ours = decode(encoded)
        assert interval.get_tag() == tag
        assert interval.get_total_count() == ours.total
        assert interval.get_value_at_percentile(99) == ours.percentile_us(99)
        assert interval.get_start_time_stamp() == 1_773_480_600_000
    assert reader.get_next_interval_histogram() is None
    reader.input_file.close()


def test_a_result_without_histograms_has_no_hdr_log() -> None:
    with pytest.raises(ConfigurationError, match="has no histograms"):
        render_hdr_log(small_results(histograms=None))


def test_all_formats_are_written(failed: TestResults, tmp_path: Path) -> None:
    written = write_reports(failed, tmp_path / "new" / "report")
    assert [path.name for path in written] == [f.file_name for f in FORMATS.values()]
    assert all(path.stat().st_size > 500 for path in written)
    assert from_json((tmp_path / "new" / "report" / "result.json").read_bytes()) == failed


def test_only_the_formats_asked_for_are_written(tmp_path: Path) -> None:
    written = write_reports(small_results(), tmp_path, ["md", "json", "md"])
    assert [path.name for path in written] == ["report.md", "result.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.md", "result.json"]
    json.loads(written[1].read_bytes())


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="pdf is no report format; choose from html"):
        write_reports(small_results(), tmp_path / "out", ["md", "pdf"])
    assert not (tmp_path / "out").exists()


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"cannot be written to .*file"):
        write_reports(small_results(), tmp_path / "file" / "below", ["md"])
    (tmp_path / "report.md").mkdir()
    with pytest.raises(ConfigurationError, match="Is a directory; give another directory"):
        write_reports(small_results(), tmp_path, ["md"])
