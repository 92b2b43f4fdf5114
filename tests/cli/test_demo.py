import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner

from squall.cli.demo import SCENARIO, DemoPlan, DemoTarget, can_show, closing, staying, whereabouts
from squall.cli.main import app
from squall.load_generator.profiles import build, scaled
from squall.orchestrator.ports import TargetSession
from squall.scenarios import load_scenario
from squall.targets.installation import Installation


@pytest.mark.parametrize(("cores", "scale"), [(1, 0.2), (2, 0.2), (4, 0.35), (8, 0.5), (64, 0.5)])
def test_the_rate_follows_the_cores(cores: int, scale: float) -> None:
    assert DemoPlan.of(load_scenario(SCENARIO), 1.0, cores).rate_scale == scale


@pytest.mark.parametrize("minutes", [0.1, 1.0, 30.0])
def test_the_load_lasts_as_long_as_asked_for(minutes: float) -> None:
    scenario = load_scenario(SCENARIO)
    plan = DemoPlan.of(scenario, minutes, 2)
    profile = build(scaled(scenario.load, plan.rate_scale, plan.time_scale), 1)
    assert profile.duration_s == pytest.approx(minutes * 60)
    assert profile.peak_tps == pytest.approx(plan.peak_tps)


def test_the_introduction_states_the_scaling() -> None:
    text = DemoPlan.of(load_scenario(SCENARIO), 1.0, 2).introduction()
    for expected in ("2,000 a second", "for 1 min", "10,000 TPS in 30 min", "0.2 of its rate"):
        assert expected in text


@pytest.mark.parametrize(
    ("cores", "asked", "target"),
    [
        (1, None, "inline"),
        (2, None, "stream"),
        (64, None, "stream"),
        (1, DemoTarget.STREAM, "stream"),
        (8, DemoTarget.INLINE, "inline"),
    ],
)
def test_stream_mode_is_shown_where_there_are_cores_for_it(
    cores: int, asked: DemoTarget | None, target: str
) -> None:
    scenario = load_scenario(SCENARIO)
    plan = DemoPlan.of(scenario, 1.0, cores, asked)
    config = plan.config(scenario)
    assert config.target == target
    assert ("loopback AWS" in plan.introduction()) is (target == "stream")
    decided = "latency_ms.decision.p95 < 2 s" in config.scenario.criteria
    assert decided is (target == "stream")


@dataclass
class Session:
    installation: Installation


def test_what_stays_up_is_told_with_commands_that_can_be_copied() -> None:
    stream = Session(Installation("http://127.0.0.1:8700", "http://127.0.0.1:8710"))
    text = staying(cast(TargetSession, stream), "until Ctrl-C")
    assert "until Ctrl-C" in text
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:8710" in text
    (line,) = [line for line in text.splitlines() if "get-metric-data" in line]
    query = json.loads(shlex.split(line.replace("$(", "(").replace("'-15 min'", "x"))[-1])
    assert query[0]["MetricStat"]["Metric"]["Dimensions"][0]["Value"] == "transactions"
    assert "aws kinesis describe-stream-summary --stream-name transactions" in text
    inline = cast(TargetSession, Session(Installation("http://127.0.0.1:8700")))
    assert whereabouts(inline) == "The fraud platform is at http://127.0.0.1:8700."
    assert "export" not in staying(inline, "until Ctrl-C")


def test_the_end_says_where_the_report_is() -> None:
    assert "/somewhere/report.html" in closing(Path("/somewhere/report.html"))


@pytest.mark.parametrize(
    ("environment", "terminal", "shown"),
    [
        ({"DISPLAY": ":0"}, True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, True),
        ({"DISPLAY": ":0"}, False, False),
        ({"DISPLAY": ""}, True, False),
        ({}, True, False),
    ],
)
def test_a_browser_opens_only_where_somebody_looks(
    environment: dict[str, str], terminal: bool, shown: bool
) -> None:
    assert can_show(environment, terminal) is shown


def test_an_absurd_length_is_refused() -> None:
    result = CliRunner().invoke(app, ["demo", "--minutes", "0"])
    assert result.exit_code == 2
    assert "--minutes" in result.output
