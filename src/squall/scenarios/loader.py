"""Finds, reads and checks scenario files. Everything wrong with a file is said at once."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from squall.errors import ConfigurationError, CriterionError, Problem, ScenarioError
from squall.load_generator.profiles import build
from squall.models import LoadProfile, TestScenario, Typology
from squall.models.load_spec import MAX_DURATION_S, MAX_TPS
from squall.models.transactions import ID_DIGITS
from squall.scenarios.beside import check_beside
from squall.scenarios.criteria import Criterion, parse_criterion
from squall.scenarios.fields import check_fields, near
from squall.yaml_document import Document, Place, read_document

MOST_ARRIVALS = 10**ID_DIGITS - 1
"""What the digits of a transaction id can number."""
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class ScenarioSummary:
    """One scenario of the catalogue, for lists."""

    name: str
    title: str
    why: str
    peak_tps: float
    duration_s: float


def load_scenario(name_or_path: str | Path) -> TestScenario:
    """A scenario of the catalogue by its name, or a scenario file by its path.

    Text that ends in ``.yaml`` or ``.yml``, holds a slash or names an existing file is a path.
    Raises ScenarioError with every problem of the file (file, line, field, what to change).
    """
    text = str(name_or_path)
    path = Path(name_or_path)
    if path.suffix in _SUFFIXES or "/" in text or path.is_file():
        return parse_scenario(_read(path), text)
    known = scenario_names()
    if text not in known:
        close = difflib.get_close_matches(text.lower(), known, n=1)
        idea = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
        raise ScenarioError(
            [Problem(text, "", f"there is no scenario of this name; {idea} A file ends in .yaml")]
        )
    entry = _catalogue() / f"{text}.yaml"
    return parse_scenario(entry.read_text(encoding="utf-8"), f"{text}.yaml")


def scenario_names() -> list[str]:
    """Names of the scenarios that come with squall."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in _catalogue().iterdir()
        if entry.name.endswith(".yaml")
    )


def list_scenarios() -> list[ScenarioSummary]:
    """The scenarios that come with squall, by name."""
    summaries = []
    for name in scenario_names():
        scenario = load_scenario(name)
        profile = build(scenario.load, 0)
        summaries.append(
            ScenarioSummary(
                name, scenario.title, scenario.why, profile.peak_tps, profile.duration_s
            )
        )
    return summaries


def parse_scenario(text: str, name: str) -> TestScenario:
    """The scenario in a YAML text; ``name`` is what messages call the file.

    Raises ScenarioError with every problem found.
    """
    document = read_document(text, name)
    scenario = None
    if document.value is not None or not document.problems:
        scenario = _check(document)
    if scenario is None or document.problems:
        raise ScenarioError(sorted(document.problems, key=_line))
    return scenario


def _check(document: Document) -> TestScenario | None:
    """Check fields, then what only the whole can show; all problems go into the document."""
    value = document.value
    if not isinstance(value, dict):
        document.report((), "a scenario is a mapping of fields: name, title, why, load, criteria")
        return None
    scenario = check_fields(document)
    _check_typologies(document, value)
    criteria = _check_criteria(document, value)
    if scenario is not None:
        _check_mix(document, scenario)
        profile = _check_load(document, scenario)
        if profile is not None:
            _check_phases(document, criteria, profile)
            check_beside(document, scenario, criteria, profile)
    return scenario


def _check_typologies(document: Document, value: dict[str, Any]) -> None:
    mix = value.get("mix")
    typologies = mix.get("typologies") if isinstance(mix, dict) else None
    known = [t.name.lower() for t in Typology if t is not Typology.NONE]
    for name in typologies if isinstance(typologies, dict) else ():
        if name not in known:
            document.report(
                ("mix", "typologies", name), f"is not a fraud typology{near(name, known)}"
            )


def _check_criteria(document: Document, value: dict[str, Any]) -> list[tuple[Place, Criterion]]:
    """The criteria that parse; the others are reported."""
    parsed: list[tuple[Place, Criterion]] = []
    criteria = value.get("criteria")
    for position, text in enumerate(criteria if isinstance(criteria, list) else ()):
        place: Place = ("criteria", position)
        if not isinstance(text, str):
            continue  # the field check has said so
        try:
            parsed.append((place, parse_criterion(text)))
        except CriterionError as error:
            document.report(place, f"“{text}”, character {error.position + 1}: {error.reason}")
    return parsed


def _check_mix(document: Document, scenario: TestScenario) -> None:
    mix = scenario.mix
    if mix.fraud + mix.edge_cases > 1.0:
        document.report(("mix",), "fraud and edge_cases together must not exceed 1")
    if mix.typologies and not any(mix.typologies.values()):
        document.report(("mix", "typologies"), "at least one weight must be above 0")


def _check_load(document: Document, scenario: TestScenario) -> LoadProfile | None:
    """The profile, built with a seed that stands for any; None where it cannot be."""
    try:
        profile = build(scenario.load, 0)
    except ConfigurationError as error:
        document.report(("load",), str(error))
        return None
    if profile.total <= 0.0:
        document.report(("load",), "brings no transactions: every rate is 0")
    if profile.peak_tps > MAX_TPS:
        document.report(
            ("load",), f"peaks at {profile.peak_tps:,.0f} TPS; the most is {MAX_TPS:,.0f}"
        )
    if profile.duration_s > MAX_DURATION_S:
        document.report(
            ("load",), f"lasts {profile.duration_s:,.0f} s; the most is {MAX_DURATION_S:,.0f}"
        )
    if profile.total > MOST_ARRIVALS:
        document.report(
            ("load",), f"brings {profile.total:,.0f} transactions; the most is {MOST_ARRIVALS:,}"
        )
    return profile


def _check_phases(
    document: Document, criteria: list[tuple[Place, Criterion]], profile: LoadProfile
) -> None:
    known = list(dict.fromkeys(phase.name for phase in profile.phases))
    for place, criterion in criteria:
        for name in criterion.phases:
            if name not in known:
                document.report(place, f"the load has no phase “{name}”{near(name, known)}")


def _line(problem: Problem) -> int:
    return int(problem.where.rpartition(":")[2])


def _read(path: Path) -> str:
    """A file's text; raises ScenarioError where it has none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        reason = f"there is no such file; scenarios by name are {', '.join(scenario_names())}"
    except IsADirectoryError:
        reason = "is a directory, not a scenario file"
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 text (byte {error.start})"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    raise ScenarioError([Problem(str(path), "", reason)])


def _catalogue() -> Traversable:
    return files("squall.scenarios") / "catalogue"
