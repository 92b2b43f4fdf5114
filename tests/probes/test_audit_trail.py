from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.probes.remembering_platform import ACCOUNTING

from squall.errors import ConfigurationError, TargetProtocolError
from squall.load_generator.transactions import FactorySpec
from squall.models import AuditTrail
from squall.probes.audit_trail import AuditTrailProbe, read_verification
from squall.probes.probe import ConcludedLoad, Measured
from squall.targets.aws.access import Access
from squall.targets.installation import Installation

SPEC = AuditTrail(type="audit_trail", name="audit")
ACCESS = Access("eu-west-1", None, "http://127.0.0.1:1", None)
RUN = "abcdefgh"


def said(**changes: Any) -> dict[str, Any]:
    """What the platform's command says of a whole trail."""
    run = {
        "run": RUN, "entries": 900, "entries_per_second_max": 400, "first_written_s": 100.0,
        "last_written_s": 103.0, "recorded": 880, "missing": 0, "missing_first": [],
    }  # fmt: skip
    run.update({key: value for key, value in changes.items() if key in run})
    return {"whole": True, "chains": 2, "problems": changes.get("problems", []), "run": run}


def hurrying() -> Callable[[], float]:
    """A clock on which patience ends after two looks."""
    times: Iterator[int] = count(0, 15)
    return lambda: float(next(times))


@pytest.fixture
def verify(tmp_path: Path) -> Callable[..., Any]:
    """Runs the probe with a command that says one thing after the other, the last one on."""

    async def measure(
        *answers: dict[str, Any], status: int = 0, complaint: str = "", spec: AuditTrail = SPEC
    ) -> tuple[Measured, list[list[str]]]:
        script = tmp_path / "command.py"
        (tmp_path / "answers.json").write_text(json.dumps(answers))
        script.write_text(
            f"""
import json, pathlib, sys
calls = pathlib.Path({str(tmp_path / "calls.jsonl")!r})
answers = json.loads(pathlib.Path({str(tmp_path / "answers.json")!r}).read_text())
with calls.open("a") as log:
    log.write(json.dumps(sys.argv[1:]) + chr(10))
number = len(calls.read_text().splitlines())
sys.stderr.write({complaint!r})
print(json.dumps(answers[min(number, len(answers)) - 1]) if answers else "")
sys.exit({status})
"""
        )
        probe = AuditTrailProbe(
            spec, Installation(access=ACCESS), (sys.executable, str(script)), hurrying()
        )
        await probe.prepare()
        source = FactorySpec(seed=1, planned=10, epoch_s=0.0)
        measured = await probe.conclude(ConcludedLoad(RUN, ACCOUNTING, source, 100.0, 3.0))
        await probe.close()
        calls = (tmp_path / "calls.jsonl").read_text().splitlines()
        return measured, [json.loads(call) for call in calls]

    return measure


async def test_a_whole_trail(verify: Callable[..., Any]) -> None:
    measured, calls = await verify(said())
    assert measured.figures == {
        "entries": 900, "entries_tps": 300.0, "corrupted": 0, "missing": 0,
    }  # fmt: skip
    assert calls == [
        ["audit", "verify", f"--run={RUN}", "--region=eu-west-1",
         "--endpoint-url=http://127.0.0.1:1"],
    ]  # fmt: skip


async def test_a_broken_trail_is_measured_and_quoted(verify: Callable[..., Any]) -> None:
    measured, _ = await verify(said(problems=["audit/a/1: the number is 1"]), status=1)
    assert measured.figures["corrupted"] == 1
    assert measured.notes == ("audit/a/1: the number is 1",)


async def test_missing_entries_are_given_time(verify: Callable[..., Any]) -> None:
    measured, calls = await verify(said(missing=3), said(missing=0), status=1)
    assert (measured.figures["missing"], len(calls)) == (0, 2)


async def test_entries_that_stay_missing_are_counted(verify: Callable[..., Any]) -> None:
    measured, calls = await verify(said(missing=3), status=1)
    assert (measured.figures["missing"], len(calls)) == (3, 2)


async def test_names_of_the_platforms_resources_are_passed_on(verify: Callable[..., Any]) -> None:
    spec = SPEC.model_copy(update={"prefix": "x-", "bucket": "our-trail"})
    _, (call,) = await verify(said(), spec=spec)
    assert call[-2:] == ["--prefix=x-", "--bucket=our-trail"]


async def test_a_command_that_fails_is_quoted(verify: Callable[..., Any]) -> None:
    with pytest.raises(TargetProtocolError, match="the bucket is not there"):
        await verify(status=2, complaint="Traceback\nfraud-platform: the bucket is not there\n")


async def test_nothing_written_has_no_rate(verify: Callable[..., Any]) -> None:
    measured, _ = await verify(said(entries=0, first_written_s=None, last_written_s=None))
    assert measured.figures["entries_tps"] is None


@pytest.mark.parametrize("output", [b"", b"[]", b"{}", b'{"run": {"entries": 1}, "problems": []}'])
def test_other_output_is_said(output: bytes) -> None:
    with pytest.raises(TargetProtocolError, match="did not answer as expected"):
        read_verification(output)


def test_it_needs_aws() -> None:
    with pytest.raises(ConfigurationError, match="audit needs the platform on AWS or a twin"):
        AuditTrailProbe(SPEC, Installation(platform_url="http://127.0.0.1:1"))
