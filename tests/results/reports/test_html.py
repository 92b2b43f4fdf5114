"""The HTML report: complete, self-contained, safe, and drawn by a real browser."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.results.example import example_results, small_results

from squall.models import (
    Accounting,
    CriterionResult,
    Detection,
    Latencies,
    LatencySummary,
    Scaling,
    TestResults,
    Verdict,
)
from squall.results.reports.html import render_html

VOID = {"meta", "link", "path", "circle", "stop", "br"}


class _Page(HTMLParser):
    """Checks nesting and collects what the tests look for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in {"src", "href"} and value:
                self.references.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.text += data


def _page(results: TestResults) -> _Page:
    page = _Page(render_html(results))
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    return page


def test_it_has_every_part(failed: TestResults) -> None:
    page = _page(failed)
    sections = ["load", "criteria", "findings", "latency", "accounting", "detection", "value"]
    sections += ["agents", "resources", "trust", "phases", "repeat", "published"]
    assert set(sections) <= set(page.ids)
    charts = {f"chart-{name}" for name in ("load", "latency", "percentiles", "cpu", "memory")}
    assert charts <= set(page.ids)
    for said in (
        "Failed",
        "2 of 5 criteria were not met",
        "714,815",
        "3 transactions lost",
        "rates × 0.5",
        "squall run peak_load --rate-scale 0.5 --time-scale 0.1 --seed 6 --workers 2",
        "Visa network",
        "trade press (secondary source)",
        "95 % interval",
    ):
        assert said in page.text


def test_it_needs_nothing_from_outside(failed: TestResults) -> None:
    text = render_html(failed)
    assert set(_Page(text).references) <= {"data:,"}
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_an_unscaled_run_has_no_scaling_statement(passed: TestResults) -> None:
    plain = dataclasses.replace(passed, scaling=Scaling(1.0, 1.0, 5000, 180, "As written."))
    assert 'class="scaled"' in render_html(passed)
    assert 'class="scaled"' not in render_html(plain)


def test_the_accounting_says_when_it_does_not_sum(passed: TestResults) -> None:
    broken = dataclasses.replace(passed.accounting, not_sent=1)
    assert "does not sum" not in render_html(passed)
    assert "does not sum" in render_html(dataclasses.replace(passed, accounting=broken))


def test_names_from_outside_cannot_become_markup() -> None:
    attack = "</script><script>alert(1)</script><b onmouseover=x>"
    results = small_results(
        target=attack,
        errors={attack: 3},
        notes=(attack,),
        criteria=(CriterionResult(attack, False, attack, attack),),
        environment={attack: attack},
    )
    phase = dataclasses.replace(results.phases[0], name=attack)
    agent = dataclasses.replace(results.agents[0], name=attack)
    samples = tuple(dataclasses.replace(s) for s in results.resource_samples)
    results = dataclasses.replace(
        results, phases=(phase, *results.phases[1:]), agents=(agent,), resource_samples=samples
    )
    text = render_html(results)
    assert "<script>alert" not in text
    assert "<b onmouseover" not in text
    _page(results)


def test_a_run_that_measured_almost_nothing_still_has_a_report() -> None:
    nothing = LatencySummary(0)
    results = small_results(
        verdict=Verdict.ABORTED,
        criteria=(),
        stability=(),
        accounting=Accounting(0, 0, 0, 0, 0, note="the target never answered"),
        latency_ms=Latencies(nothing, nothing, nothing),
        error_rate=None,
        detection=Detection(),
        agents=(),
        resources={},
        resource_samples=(),
        phases=(),
        seconds=(),
        histograms=None,
    )
    page = _page(results)
    assert "Aborted" in page.text
    assert "the target never answered" in page.text
    assert "lost: no final read was possible" in page.text
    assert not [name for name in page.ids if name.startswith("chart-")]


def test_a_long_run_does_not_make_a_huge_file(passed: TestResults) -> None:
    """Two hours of seconds are drawn with a bounded number of points."""
    rows = [passed.seconds[at % 180] for at in range(7200)]
    seconds = tuple(dataclasses.replace(s, at_s=at) for at, s in enumerate(rows))
    text = render_html(dataclasses.replace(passed, seconds=seconds, phases=()))
    assert len(text) < 600_000
    assert "each point is the worst second of 8" in text


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_state_is_a_shape_and_a_word_not_only_a_colour(verdict: Verdict) -> None:
    text = render_html(small_results(verdict=verdict))
    head = re.search(r'<h1 class="verdict">(.*?)</h1>', text, re.S)
    assert head is not None
    assert "<svg" in head[1]
    assert re.sub(r"<.*?>", "", head[1], flags=re.S).strip()


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise RuntimeError("the tests need a browser: apt-get install chromium")
    return found


def test_a_real_browser_draws_it_without_errors(tmp_path: Path) -> None:
    """Chromium runs the page's script, moves the cursor over a chart, and reports what it drew."""
    page = tmp_path / "report.html"
    probe = """<script>
      const problems = [];
      addEventListener("error", (event) => problems.push(event.message));
      addEventListener("load", () => {
        const plots = [...document.querySelectorAll(".plot")];
        for (const plot of plots) {
          const box = plot.getBoundingClientRect();
          const middle = { clientX: box.left + box.width / 2 };
          plot.dispatchEvent(new PointerEvent("pointermove", middle));
          const drawn = [...plot.querySelectorAll("svg path")].map((path) => path.getBBox());
          if (!drawn.some((line) => line.width > 500)) problems.push("blank");
          if (!plot.querySelector(".tip").textContent) problems.push("no tip");
        }
        document.getElementById("theme").click();
        document.body.dataset.plots = plots.length;
        document.body.dataset.tip = document.querySelector("#chart-load .tip").textContent;
        document.body.dataset.theme = document.documentElement.dataset.theme;
        document.body.dataset.wide = document.documentElement.scrollWidth > innerWidth;
        document.body.dataset.problems = JSON.stringify(problems);
      });
    </script>"""
    html = render_html(example_results(peak_tps=400, duration_s=60))
    page.write_text(html.replace("</head>", probe + "</head>"))
    command = [
        *(_chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
        *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
        *("--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=390,844"),
        *("--enable-logging=stderr", "--dump-dom", page.as_uri()),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    body = re.search(r"<body[^>]*>", done.stdout)
    assert body is not None
    assert 'data-problems="[]"' in body[0]
    assert 'data-plots="5"' in body[0]
    assert re.search(r'data-tip="[^"]*accepted[^"]*TPS', body[0])
    assert 'data-wide="false"' in body[0]  # nothing scrolls sideways on a phone
    assert re.search(r'data-theme="(dark|light)"', body[0])
    assert "CONSOLE" not in done.stderr
