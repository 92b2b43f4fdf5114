import asyncio
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from squall.errors import ConfigurationError
from squall.models import StressTestConfig, TestResults
from squall.models.load_spec import SequenceSpec, SustainedSpec
from squall.orchestrator.limit.outcome import (
    LimitOutcome,
    confidence_statement,
    document,
    headline,
    usl_statement,
)
from squall.orchestrator.limit.report import html, markdown, write_json, write_report
from squall.orchestrator.limit.runner import LimitSearch, Watcher
from squall.orchestrator.limit.search import Ending, Probe, SearchSpec
from squall.orchestrator.limit.step import StepResult, StepSpec

MakeResults = Callable[..., TestResults]
CAPACITY_TPS = 3_100.0
SERVICE_MS = 2.0


def rate_of(config: StressTestConfig) -> float:
    load = config.scenario.load
    assert isinstance(load, SequenceSpec)
    measured = load.parts[1]
    assert isinstance(measured, SustainedSpec)
    return measured.rate_tps


class Queue:
    """A target with one queue: response time S/(1 − ρ), overloaded from its capacity on."""

    def __init__(self, make_results: MakeResults) -> None:
        self.make_results = make_results
        self.seeds: list[int] = []

    async def run(self, config: StressTestConfig) -> TestResults:
        await asyncio.sleep(0)
        rate = rate_of(config)
        self.seeds.append(config.seed)
        load = min(rate / CAPACITY_TPS, 0.995)
        mean = SERVICE_MS / (1 - load)
        return self.make_results(
            rate, mean_ms=mean, p95_ms=3 * mean, queue_growth_per_s=max(0, rate - CAPACITY_TPS)
        )


def searching(
    step_spec: StepSpec,
    target: Queue,
    spec: SearchSpec,
    finished: Callable[[Probe, StepResult], None] = lambda *_: None,
) -> LimitSearch:
    return LimitSearch(
        search=spec,
        step=step_spec,
        run_step=target.run,
        watcher=Watcher(started=lambda _: None, finished=finished),
        started_at="2026-11-23T18:45:02Z",
    )


@pytest.fixture
async def outcome(step_spec: StepSpec, make_results: MakeResults) -> LimitOutcome:
    return await searching(step_spec, Queue(make_results), SearchSpec(250, 20_000)).run()


async def test_a_queue_is_measured_to_the_precision_asked_for(
    step_spec: StepSpec, make_results: MakeResults
) -> None:
    told: list[float] = []
    target = Queue(make_results)
    found = await searching(
        step_spec, target, SearchSpec(250, 20_000), lambda probe, _: told.append(probe.rate_tps)
    ).run()
    # P95 = 3 · 2 ms / (1 − ρ) reaches 250 ms at ρ = 0.976.
    true_limit = CAPACITY_TPS * (1 - 3 * SERVICE_MS / 250)
    assert found.bracket.holds_tps is not None
    assert found.bracket.breaks_tps is not None
    assert found.bracket.holds_tps <= true_limit < found.bracket.breaks_tps
    assert found.bracket.breaks_tps / found.bracket.holds_tps <= 1.05
    assert found.exit_status == 0
    assert told == [step.rate_tps for step in found.steps]
    assert len(set(target.seeds)) == len(target.seeds)
    assert found.bottleneck is not None


async def test_a_stop_keeps_what_is_known(step_spec: StepSpec, make_results: MakeResults) -> None:
    seen: list[float] = []

    def stop_after_three(probe: Probe, _: StepResult) -> None:
        seen.append(probe.rate_tps)
        if len(seen) == 3:
            search.stop()

    search = searching(step_spec, Queue(make_results), SearchSpec(250, 20_000), stop_after_three)
    found = await search.run()
    assert found.bracket.ending is Ending.STOPPED
    assert found.bracket.holds_tps == 1_000
    assert found.exit_status == 4
    assert headline(found) == "Stopped. Until then 1,000 TPS held."


async def test_a_run_cut_short_by_the_stop_is_not_counted(
    step_spec: StepSpec, make_results: MakeResults
) -> None:
    class Interrupted(Queue):
        async def run(self, config: StressTestConfig) -> TestResults:
            if rate_of(config) > 400:
                search.stop()
            return await super().run(config)

    search = searching(step_spec, Interrupted(make_results), SearchSpec(250, 20_000))
    found = await search.run()
    assert [step.rate_tps for step in found.steps] == [250]


async def test_cancelling_reports_as_well(step_spec: StepSpec, make_results: MakeResults) -> None:
    reached = asyncio.Event()

    class Slow(Queue):
        async def run(self, config: StressTestConfig) -> TestResults:
            if rate_of(config) > 400:
                reached.set()
                await asyncio.Event().wait()
            return await super().run(config)

    search = searching(step_spec, Slow(make_results), SearchSpec(250, 20_000))
    task = asyncio.create_task(search.run())
    await asyncio.wait_for(reached.wait(), 10)
    task.cancel()
    found = await task
    assert found.bracket.ending is Ending.STOPPED
    assert found.bracket.holds_tps == 250


async def test_the_document_has_every_run_and_is_plain_json(outcome: LimitOutcome) -> None:
    written = json.loads(json.dumps(document(outcome)))
    assert written["limit_tps"] == outcome.bracket.holds_tps
    assert len(written["steps"]) == len(outcome.steps)
    assert written["bottleneck"]["component"] == "target"
    assert written["usl"]["lambda_tps"] > 0
    assert written["ending"] == "found"


async def test_the_sentences_name_rates_and_confidence(outcome: LimitOutcome) -> None:
    assert re.fullmatch(r"[\d,]+ TPS holds; [\d,]+ TPS does not\.", headline(outcome))
    assert "confidence" in confidence_statement(outcome)
    assert usl_statement(outcome.usl).startswith("Scalability law: ")


async def test_the_reports_say_the_same(outcome: LimitOutcome, tmp_path: Path) -> None:
    paths = write_report(outcome, tmp_path / "report")
    page, text = paths["html"].read_text(), paths["markdown"].read_text()
    assert page == html(outcome)
    assert text == markdown(outcome)
    for written in (page, text):
        assert headline(outcome) in written
        assert (
            "The target&#x27;s processors are full" in written or "processors are full" in written
        )
    assert page.count("<svg") == 2
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace(
        "http://127.0.0.1:9", ""
    )
    checker = _Balanced()
    checker.feed(page)
    assert checker.open == []


class _Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Opens and closes at once."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_a_place_that_cannot_be_written_is_named(
    outcome: LimitOutcome, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="choose another place"):
        write_report(outcome, tmp_path / "file" / "report")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_json(outcome, tmp_path / "file" / "limit.json")


async def test_an_outcome_without_any_run_is_still_a_report(
    step_spec: StepSpec, make_results: MakeResults
) -> None:
    search = searching(step_spec, Queue(make_results), SearchSpec(250, 20_000))
    search.stop()
    found = await search.run()
    assert headline(found) == "Stopped before any rate was seen to hold."
    assert confidence_statement(found) == "No rate was judged."
    assert "No run was measured." in html(found)
