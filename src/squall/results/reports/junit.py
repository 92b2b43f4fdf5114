"""JUnit XML: one test case per criterion, so that any CI shows which one failed.

A run that is invalid or aborted has one case more that says so: it cannot pass a build.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from squall.models import TestResults, Verdict
from squall.results.figures import measured
from squall.results.reports import story

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


def render_junit(results: TestResults) -> bytes:
    """The document as UTF-8."""
    suite = ET.Element("testsuite")
    _add_cases(suite, results)
    cases = suite.findall("testcase")
    counts = {
        "tests": len(cases),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": 0,
    }
    suite.attrib = {
        "name": f"squall.{results.scenario}",
        "timestamp": _text(results.started_at.removesuffix("Z")),
        "time": f"{results.throughput.duration_s:.3f}",
        **{name: str(number) for name, number in counts.items()},
    }
    properties = ET.Element("properties")
    for name, value in _properties(results):
        ET.SubElement(properties, "property", name=name, value=_text(value))
    suite.insert(0, properties)
    output = ET.SubElement(suite, "system-out")
    output.text = _text(f"{story.verdict_sentence(results)} {story.took_sentence(results)}")
    root = ET.Element("testsuites", {"name": "squall", **{k: str(v) for k, v in counts.items()}})
    root.append(suite)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document + b"\n"


def _add_cases(suite: ET.Element, results: TestResults) -> None:
    for criterion in results.criteria:
        detail = f"measured {measured(criterion)}" + (
            f"; {criterion.detail}" if criterion.detail else ""
        )
        _add(suite, results, criterion.expression, criterion.passed, detail)
    for check in results.stability:
        slope = check.slope_per_hour
        detail = "no trend" if slope is None else f"{slope:+.4g} {check.unit}"
        if check.detail:
            detail += f"; {check.detail}"
        _add(suite, results, f"{check.metric} stays stable", check.passed, detail)
    if results.verdict in {Verdict.INVALID, Verdict.ABORTED}:
        _add(suite, results, "the run is valid", None, story.verdict_sentence(results))


def _add(
    suite: ET.Element, results: TestResults, name: str, passed: bool | None, detail: str
) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=f"squall.{results.scenario}", name=_text(name), time="0"
    )
    if passed is False:
        ET.SubElement(case, "failure", message=_text(detail), type="criterion")
    elif passed is None:
        ET.SubElement(case, "error", message=_text(detail), type="not-judged")


def _properties(results: TestResults) -> list[tuple[str, str]]:
    return [
        ("run_id", results.run_id),
        ("verdict", results.verdict.value),
        ("seed", str(results.seed)),
        ("target", results.target),
        ("scaling", results.scaling.statement),
        ("command", story.repeat_command(results.config)),
    ]


def _text(value: str) -> str:
    return _NOT_XML.sub("\ufffd", value)
