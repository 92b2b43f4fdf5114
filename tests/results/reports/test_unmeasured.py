"""Accuracy and money in every report of a run whose transactions have no labels or no amounts."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable

import pytest
from rich.console import Console
from tests.results.example import small_results

from squall.models import BusinessMetrics, Detection, TestResults
from squall.results import TerminalSummary
from squall.results.document import from_json, to_json
from squall.results.reports.html import render_html
from squall.results.reports.markdown import render_markdown

NOTE = "own.csv has no labels"


def _terminal(results: TestResults) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(TerminalSummary(results))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


READABLE = pytest.mark.parametrize(
    "render", [_terminal, render_markdown, render_html], ids=["terminal", "markdown", "html"]
)
Render = Callable[[TestResults], str]


def _replayed(**changes: object) -> TestResults:
    config = small_results().config.model_copy(update={"replay": "own.csv"})
    return small_results(config=config, **changes)


def _unlabelled() -> TestResults:
    return _replayed(
        detection=Detection(fraud=None, legitimate=None),
        business=BusinessMetrics(rates_as_of="2026-01-02", processed_value=1_234_567.0),
        notes=(NOTE,),
    )


@READABLE
def test_without_labels_every_report_says_so_once(render: Render) -> None:
    text = render(_unlabelled())
    assert text.count("not measured: no transaction with a label was decided") == 1
    assert text.count("not measured: no transaction with a label and an amount was decided") == 1
    assert text.count(NOTE) == 1
    for claim in ("of fraud found", "frauds found", "of fraud stopped", "held by mistake"):
        assert claim not in text


def test_what_was_processed_is_still_shown() -> None:
    assert "$1.23 million" in render_html(_unlabelled())


def test_without_labels_the_document_has_null_and_reads_back() -> None:
    results = _unlabelled()
    document = to_json(results)
    assert from_json(document) == results
    tree = json.loads(document)
    figures = {**tree["detection"], **tree["business"]}
    for name in ("fraud", "legitimate", "recall", "false_positive_rate", "accuracy", "fraud_value"):
        assert figures[name] is None


@READABLE
def test_without_amounts_accuracy_is_still_shown(render: Render) -> None:
    detection = small_results().detection
    kinds = {
        name: dataclasses.replace(kind, value_usd=None, value_detected_usd=None)
        for name, kind in detection.by_typology.items()
    }
    text = render(
        _replayed(
            detection=dataclasses.replace(detection, by_typology=kinds),
            business=BusinessMetrics(rates_as_of="2026-01-02"),
        )
    )
    assert "no transaction with a label was decided" not in text
    assert "not measured: no transaction with a label and an amount was decided" in text
    assert "interval" in text or "of fraud found" in text


@READABLE
def test_a_file_without_fraud_still_shows_what_was_held(render: Render) -> None:
    text = render(
        _replayed(detection=Detection(legitimate=500, false_positive_rate=0.25, accuracy=0.75))
    )
    assert "o fraud was decided on" in text
    assert "25.00 %" in text


def test_a_replay_is_not_called_synthetic() -> None:
    assert "The customers are synthetic" in render_html(small_results())
    text = render_html(_replayed())
    assert "The customers are synthetic" not in text
    assert "Labels are those of the replayed file." in text


@READABLE
def test_a_replay_is_repeated_with_its_file(render: Render) -> None:
    if render is not _terminal:
        assert "--replay own.csv" in render(_replayed())
