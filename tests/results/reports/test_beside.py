"""Probes and faults are in every report that people read."""

import io
from dataclasses import replace

import pytest
from rich.console import Console
from tests.results.example import small_results

from squall.models import FaultRecord, LatencySummary, ProbeResult, TestResults
from squall.results import TerminalSummary
from squall.results.analysis import analyse
from squall.results.document import from_json, to_json
from squall.results.reports.beside import fault_rows, probe_rows
from squall.results.reports.html import render_html
from squall.results.reports.markdown import render_markdown

PROBES = (
    ProbeResult(
        "history",
        "history_queries",
        "asks 2,000 times for a customer's history",
        {"queries": 2000.0, "failed_share": 0.0125, "queries_tps_max": 812.0, "failed": None},
        LatencySummary(2000, p50=18.0, p95=62.0),
        notes=("12 were asked late",),
    ),
    ProbeResult("expiry", "expired_records", "makes 20", {"made": None}, problem="no table"),
)
FAULTS = (
    FaultRecord("slow_agent", "agent", "an agent is slow", "hold", 2.0, 5.5),
    FaultRecord("gone", "aws", "calls fail", "hold", None, None, "could not be put in force: no"),
)


@pytest.fixture(scope="module")
def results() -> TestResults:
    return replace(small_results(), probes=PROBES, faults=FAULTS, dashboard={"a.b": 1.5})


def test_figures_are_in_the_units_that_their_names_state(results: TestResults) -> None:
    assert probe_rows(results)[0][2] == (
        "queries 2,000; failed 1.2 %; queries 812/s at most; P50 18.0 ms, P95 62.0 ms; "
        "12 were asked late"
    )
    assert probe_rows(results)[1][2] == "no table"


def test_faults_have_their_times(results: TestResults) -> None:
    assert fault_rows(results) == [
        ("slow agent", "an agent is slow", "2 s", "5.5 s"),
        ("gone", "calls fail; could not be put in force: no", "–", "–"),
    ]


def test_every_report_has_them(results: TestResults) -> None:
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(TerminalSummary(results))
    page = render_html(results)
    for text in (console.export_text(), render_markdown(results), page):
        assert "queries 2,000" in text
        assert "an agent is slow" in text
    assert page.count('class="band fault"') >= 1


def test_what_did_not_work_is_a_finding(results: TestResults) -> None:
    titles = {finding.title for finding in analyse(results)}
    assert "Probe expiry was not carried out to its end" in titles
    assert "Fault gone was not as planned" in titles
    assert not any("history" in title or "slow_agent" in title for title in titles)


def test_they_survive_the_document(results: TestResults) -> None:
    read = from_json(to_json(results))
    assert (read.probes, read.faults, read.dashboard) == (PROBES, FAULTS, {"a.b": 1.5})
