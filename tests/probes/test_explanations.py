from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.probes.decision_pages import ServeRows, loaded, row

from squall.errors import ConfigurationError, TargetProtocolError
from squall.models import Explanations
from squall.probes.explanations import ExplanationsProbe, hard_to_read, judged, lacking
from squall.probes.whole_decisions import WholeDecision
from squall.targets.installation import Installation

GOOD = WholeDecision(
    "r-1", "REVIEW", 0.7, ("R05",), {"R05": "new device"},
    "Held for review at a risk of 0.42 (reviewed from 0.31 on). The device is new: known for 0"
    " days.",
    10.0,
)  # fmt: skip


def spec(count: int) -> Explanations:
    return Explanations(name="texts", type="explanations", count=count)


def test_a_whole_explanation_lacks_nothing_and_is_read_easily() -> None:
    assert lacking(GOOD) == hard_to_read(GOOD.explanation) == ""
    measured = judged([GOOD, GOOD])
    assert measured.figures["explanations"] == 2
    assert measured.figures["incomplete"] == measured.figures["unreadable"] == 0
    assert measured.notes == ()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d: replace(d, decision="APPROVE"), "does not begin with “Approved”"),
        (lambda d: replace(d, explanation=""), "does not begin"),
        (lambda d: replace(d, explanation=d.explanation[:-4]), "does not end as a sentence"),
        (lambda d: replace(d, explanation="Held for review at {risk}."), "“{”"),
        (lambda d: replace(d, explanation="Held for review at a risk of nan."), "“nan”"),
        (lambda d: replace(d, explanation="Held for review after None days."), "“None”"),
        (lambda d: replace(d, reasons={}), "reason R05 is not told"),
        (lambda d: replace(d, reasons={"R05": " "}), "reason R05 is not told"),
        (lambda d: replace(d, reason_codes=()), "no reason code"),
    ],
)
def test_what_is_incomplete_is_found(
    change: Callable[[WholeDecision], WholeDecision], why: str
) -> None:
    broken = change(GOOD)
    assert why in lacking(broken)
    measured = judged([GOOD, broken])
    assert measured.figures["incomplete"] == 1
    assert why in measured.notes[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Declined.", "9 letters"),
        ("Declined. " * 200, "2000 letters"),
        ("Declined at a risk of 0.9.\x07 It rang.", "cannot be printed"),
        ("Declined " + "for the new card " * 20 + ".", "a sentence of 81 words"),
        ("Declined: institutionalised interdisciplinary considerations necessitate.", "ease"),
    ],
)
def test_what_is_hard_to_read_is_found(text: str, why: str) -> None:
    assert why in hard_to_read(text)
    assert judged([replace(GOOD, explanation=text)]).figures["unreadable"] == 1


def test_no_decisions_are_no_figures_of_quality() -> None:
    assert judged([]).figures["reading_ease_mean"] is None


@pytest.mark.parametrize(("count", "read"), [(100, 100), (1_000, 250), (7, 7)])
async def test_explanations_are_taken_evenly_from_the_whole_log(
    serve_rows: ServeRows, count: int, read: int
) -> None:
    """The last fifth of the log is incomplete; so is a fifth of what is taken."""
    rows = [row(n, explanation="Approved at a risk of 0.03") if n >= 200 else row(n)
            for n in range(250)]  # fmt: skip
    probe = ExplanationsProbe(spec(count), Installation(platform_url=await serve_rows(rows)))
    assert f"{count:,} explanations" in probe.what
    await probe.prepare()
    measured = await probe.conclude(loaded(250))
    await probe.close()
    assert measured.figures["explanations"] == read
    incomplete = measured.figures["incomplete"]
    assert incomplete is not None
    assert abs(incomplete - read / 5) <= 1


async def test_refused_transactions_have_no_explanation_to_judge(serve_rows: ServeRows) -> None:
    rows = [row(0), row(1, decision="REFUSED", confidence=None, explanation=None)]
    probe = ExplanationsProbe(spec(10), Installation(platform_url=await serve_rows(rows)))
    measured = await probe.conclude(loaded(2))
    await probe.close()
    assert (measured.figures["explanations"], measured.figures["incomplete"]) == (1, 0)


async def test_a_platform_without_whole_decisions_is_named(serve_rows: ServeRows) -> None:
    plain = [{"transaction_id": "r-1", "decision": "APPROVE", "amount": 3}]
    probe = ExplanationsProbe(spec(10), Installation(platform_url=await serve_rows(plain)))
    with pytest.raises(TargetProtocolError, match="does not list whole decisions"):
        await probe.conclude(loaded(1))
    await probe.close()


def test_a_target_that_is_no_platform_is_refused_before_the_load() -> None:
    with pytest.raises(ConfigurationError, match="texts needs the reference platform"):
        ExplanationsProbe(spec(10), Installation())
