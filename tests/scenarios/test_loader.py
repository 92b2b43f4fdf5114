"""Scenario files: found by name or path, and every mistake named with its line and field."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.errors import ScenarioError
from squall.models import LoadProfileType
from squall.scenarios import load_scenario, parse_scenario
from squall.scenarios.fields import LOADS

HEAD = "name: x\ntitle: X\nwhy: To see.\n"
LOAD = "load: {type: sustained, rate_tps: 10, duration_s: 5}\n"


def problems(text: str) -> list[str]:
    """The problems of a file ``f.yaml`` with this text."""
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "f.yaml")
    assert str(caught.value) == "\n".join(str(p) for p in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def test_the_least_a_scenario_needs() -> None:
    scenario = parse_scenario(HEAD + LOAD, "f.yaml")
    assert (scenario.name, scenario.criteria, scenario.drain_s) == ("x", (), 30.0)


def test_every_load_shape_can_be_written() -> None:
    assert set(LOADS) == {kind.value for kind in LoadProfileType}


def test_all_problems_at_once_with_line_and_field() -> None:
    assert problems(
        """\
name: Peak Load
title: ''
load:
  type: sequence
  part: x
  parts:
    - {type: ramp, start_tps: 0}
    - {type: sustained, rate_tps: abc, duration_s: -5}
    - type: sustained
      rate_tpss: 5
      duration_s: 1
    - {type: burst, base_tps: 1, burst_tps: 2, every_s: 1, burst_s: 3, duration_s: 5}
mix:
  typologies: {card_tsting: 1}
criteria:
  - latency.p95 < 2 s
  - 5
stabilty: {}
"""
    ) == [
        "f.yaml:1: name: must be lower-case letters, digits and _, starting with a letter, "
        "not “Peak Load”",
        "f.yaml:1: why: is missing (What is tested and why it matters, in a sentence)",
        "f.yaml:2: title: must not be empty",
        "f.yaml:5: load.part: is not a known field; did you mean parts?",
        "f.yaml:7: load.parts[0]: “ramp” is not a type of load; did you mean ramp_up?",
        "f.yaml:8: load.parts[1].rate_tps: must be a number, not “abc”",
        "f.yaml:8: load.parts[1].duration_s: must be more than 0, not -5",
        "f.yaml:9: load.parts[2].rate_tps: is missing",
        "f.yaml:10: load.parts[2].rate_tpss: is not a known field; did you mean rate_tps?",
        "f.yaml:12: load.parts[3]: burst_s must not be longer than every_s",
        "f.yaml:14: mix.typologies.card_tsting: is not a fraud typology; "
        "did you mean card_testing?",
        "f.yaml:16: criteria[0]: “latency.p95 < 2 s”, character 1: there is no figure "
        "“latency.p95”; did you mean latency_ms.service.p95 or latency_ms.response.p95 or "
        "latency_ms.lateness.p95?",
        "f.yaml:17: criteria[1]: must be text, not 5; put it in quotes",
        "f.yaml:18: stabilty: is not a known field; did you mean stability?",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f.yaml:1: the file is empty"),
        ("# nothing\n", "f.yaml:1: the file is empty"),
        ("- a\n- b\n", "f.yaml:1: a scenario is a mapping of fields"),
        ("peak load", "f.yaml:1: a scenario is a mapping of fields"),
        ("null", "f.yaml:1: a scenario is a mapping of fields"),
        ("a: [1\nb: 2", "f.yaml:2: this is not YAML: while parsing a flow sequence"),
        ("a: b\n\tc: d", "f.yaml:2: this is not YAML"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: this is not YAML: expected a single document"),
        ("a: !!python/object:os.system {}", "f.yaml:1: this is not YAML: the tag tag:yaml.org"),
        ("a: !!python/name:os.system x", "f.yaml:1: this is not YAML: could not determine"),
        ("a: *nowhere", "f.yaml:1: this is not YAML: found undefined alias"),
        ("a: &a [*a]", "f.yaml:1: this is not YAML: a reference (*) points to what it stands in"),
        ("a: b\nc: \x07", "f.yaml:2: character U+0007 is not allowed"),
        ("? [a, b]\n: 1\n", "f.yaml:1: a key must be a word"),
        (HEAD + LOAD + "name: y\n", "f.yaml:5: name: stands twice, first on line 1; take one out"),
        (HEAD + "load: 5\n", "f.yaml:4: load: must be fields with values, not 5"),
        (HEAD + "load:\n", "f.yaml:4: load: must be fields with values, not nothing"),
        (HEAD + "load: {rate_tps: 5}\n", "f.yaml:4: load: “type” is missing: write one of ramp_up"),
        (HEAD + LOAD.replace("10", "0"), "f.yaml:4: load: brings no transactions"),
        (HEAD + LOAD.replace("10", "2e6"), "load.rate_tps: must be at most 1,000,000, not"),
        (HEAD + LOAD.replace("10", "-1"), "load.rate_tps: must be at least 0, not -1"),
        (HEAD + LOAD.replace("10", ".nan"), "load.rate_tps: must be a number, not “.nan”"),
        (HEAD + LOAD.replace("10", "yes"), "load.rate_tps: must be a number, not “yes”"),
        (HEAD + LOAD.replace("10", "[1]"), "load.rate_tps: must be a number, not a list"),
        (
            HEAD + "load: {type: sum, parts: []}\n",
            "f.yaml:4: load.parts: must have at least one item",
        ),
        (HEAD + "load: {type: sum, parts: 3}\n", "f.yaml:4: load.parts: must be a list, not 3"),
        (
            HEAD + "load: {type: scale, rate: 1000, part: {type: sustained, rate_tps: 9999, "
            "duration_s: 1}}\n",
            "f.yaml:4: load: peaks at 9,999,000 TPS; the most is 1,000,000",
        ),
        (
            HEAD + "load: {type: scale, time: 1000, part: {type: sustained, rate_tps: 1, "
            "duration_s: 1000}}\n",
            "f.yaml:4: load: lasts 1,000,000 s; the most is 604,800",
        ),
        (
            HEAD + "load: {type: chaos, min_tps: 1, max_tps: 2, mean_hold_s: 1e-9, "
            "duration_s: 60}\n",
            "f.yaml:4: load: mean_hold_s 1e-09 makes about",
        ),
        (
            HEAD + "load: {type: wave, mean_tps: 1, amplitude_tps: 2, period_s: 1, "
            "duration_s: 60}\n",
            "f.yaml:4: load: amplitude_tps must not exceed mean_tps",
        ),
        (HEAD + LOAD + "arrivals: evn\n", "f.yaml:5: arrivals: must be 'even' or 'poisson'"),
        (HEAD + LOAD + "client: {timeout_s: soon}\n", "client.timeout_s: must be a number"),
        (HEAD + LOAD + "client: {connections: 1.5}\n", "connections: must be a whole number"),
        (HEAD + LOAD + "client: {connections: on}\n", "connections: must be a number, not “on”"),
        (
            HEAD + LOAD + "client:\n  retry: {on_broken_connection: 7}\n",
            "f.yaml:6: client.retry.on_broken_connection: must be true or false, not 7",
        ),
        (HEAD + LOAD + "client:\n  retry: {attempts: 7}\n", "did you mean max_attempts?"),
        (HEAD + LOAD + "mix: {fraud: 0.8, edge_cases: 0.3}\n", "f.yaml:5: mix: fraud and edge"),
        (
            HEAD + LOAD + "mix: {typologies: {mule_network: 0}}\n",
            "at least one weight must be above 0",
        ),
        (HEAD + LOAD + "mix: {typologies: {none: 1}}\n", "none: is not a fraud typology"),
        (HEAD + LOAD + "criteria: lost\n", "f.yaml:5: criteria: must be a list, not “lost”"),
        (
            HEAD + LOAD + "criteria:\n- error_rate < 1 % in phase holt\n",
            "f.yaml:6: criteria[0]: the load has no phase “holt”; there are sustained",
        ),
        (
            HEAD + LOAD.replace("10,", "10, name: hold,") + "criteria:\n"
            "- error_rate < 1 % in phase holt\n",
            "did you mean hold?",
        ),
        (HEAD + LOAD + "title2: 5\n", "f.yaml:5: title2: is not a known field; did you mean title"),
        (HEAD + LOAD + "zzz: 5\n", "zzz: is not a known field; there are name, title, why"),
        ("x" * 1_000_001, "longer than 1,000,000 characters"),
        ("a: [" + "1," * 20_001 + "]", "there are more than 20,000 values"),
    ],
)
def test_one_mistake_one_clear_message(text: str, expected: str) -> None:
    assert any(expected in problem for problem in problems(text)), problems(text)


def test_numbers_may_be_written_as_people_do() -> None:
    text = HEAD + "load: {type: sustained, rate_tps: 1e3, duration_s: 1_000}\n"
    profile = parse_scenario(text, "f.yaml").load
    assert (profile.model_dump()["rate_tps"], profile.model_dump()["duration_s"]) == (1000, 1000)


def test_parts_can_be_reused_by_reference() -> None:
    scenario = parse_scenario(
        HEAD
        + """
load:
  type: sequence
  parts:
    - &calm {type: sustained, rate_tps: 10, duration_s: 5}
    - {<<: *calm, rate_tps: 100}
    - *calm
""",
        "f.yaml",
    )
    parts = scenario.load.model_dump()["parts"]
    assert [part["rate_tps"] for part in parts] == [10, 100, 10]


def test_a_file_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + LOAD, encoding="utf-8")
    assert load_scenario(path).name == "x"
    assert load_scenario(str(path)).name == "x"


def test_a_file_that_is_wrong_is_named_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert str(caught.value) == f"{path}:1: load: is missing"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("peek_load", "there is no scenario of this name; did you mean peak_load?"),
        ("zzz", "there are agent_coordination, aws_infrastructure, burst"),
        ("nowhere/mine.yaml", "there is no such file"),
        ("mine.yml", "there is no such file"),
        ("/", "is a directory"),
    ],
)
def test_what_is_not_there(name: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(name)
    assert message in str(caught.value)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(ScenarioError, match=r"not UTF-8 text \(byte 6\)"):
        load_scenario(path)


LINES = st.sampled_from(
    [
        "name: x",
        "title: X",
        "why: y",
        "load:",
        "  type: sustained",
        "  type: sequence",
        "  rate_tps: 5",
        "  duration_s: [1]",
        "  parts:",
        "    - {type: sum, parts: [{type: wave}, 3, null]}",
        "    - *a",
        "    - &a x",
        "criteria: [1, error_rate < 1 %, {a: b}]",
        "mix: {typologies: [1]}",
        "mix: {typologies: {3: x}}",
        "client: {retry: {statuses: 5}}",
        "<<: {a: b}",
        "? {a: b}",
        "2020-01-01: 1",
        "null: ~",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=80), st.lists(LINES, max_size=10).map("\n".join)))
def test_any_text_loads_or_is_refused_with_a_line(text: str) -> None:
    try:
        parse_scenario(text, "f.yaml")
    except ScenarioError as error:
        refused = error.problems
    else:
        refused = ()
    for problem in refused:
        name, _, line = problem.where.partition(":")
        assert name == "f.yaml"
        assert 1 <= int(line) <= text.count("\n") + text.count("\r") + 2
        assert problem.message
