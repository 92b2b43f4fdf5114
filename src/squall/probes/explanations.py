"""Whether decisions are explained completely, and so that they can be read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from squall.models import Explanations
from squall.probes.platform_interface import platform_endpoint
from squall.probes.probe import ConcludedLoad, LoadClock, Measured
from squall.probes.readability import LEAST_EASE, reading_ease, sentences, words
from squall.probes.whole_decisions import WholeDecision, whole_decisions
from squall.targets.http_client import HttpClient
from squall.targets.installation import Installation

LETTERS = (20, 1_500)
"""Shortest and longest explanation."""
SENTENCE_WORDS = 45
"""Longest sentence."""
_VERDICTS = {"APPROVE": "Approved", "REVIEW": "Held for review", "DECLINE": "Declined"}
_ENDS = (".", "!", "?", ".”", '."', ".)")
_PLACEHOLDER = re.compile(r"[{}]|\b(?:None|null|nan|undefined)\b|%[sd]\b")
_TIMEOUT_S = 30.0
_EXAMPLES = 3


class ExplanationsProbe:
    """Reads explanations of the run from the platform's record, evenly spread over its log.

    Complete: begins with the verdict in words, ends as a sentence, has no placeholder, and every
    reason code of the decision is there in words. Readable: printable, of a fair length, no
    sentence over 45 words, and a Flesch reading ease of 30 or more for all of a decision's words
    (``readability``); the ease is that of the explanation without figures in parentheses, which
    are a table and not prose.
    """

    def __init__(self, spec: Explanations, installation: Installation) -> None:
        self._spec = spec
        self._client = HttpClient(platform_endpoint(installation, spec.name), _TIMEOUT_S)

    @property
    def what(self) -> str:
        """In a sentence."""
        return f"{self._spec.count:,} explanations read for completeness and readability"

    async def prepare(self) -> None:
        """Nothing to make."""

    async def beside(self, load: LoadClock) -> None:
        """Nothing to do: explanations are read when all are there."""

    async def conclude(self, load: ConcludedLoad) -> Measured:
        """Read and judge them; raises ``TargetError``."""
        seen, count = load.accounting.seen or 0, self._spec.count
        taken: list[WholeDecision] = []
        row = 0
        async for page in whole_decisions(self._client, load.run_tag):
            for decision in page:
                # So many of every row passed: evenly spread, whatever the two numbers are.
                if len(taken) < count and len(taken) * seen <= row * count:
                    taken.append(decision)
                row += 1
        return judged(taken)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()


def judged(decisions: Sequence[WholeDecision]) -> Measured:
    """The figures of these explanations, with examples of what is wrong."""
    incomplete: list[str] = []
    unreadable: list[str] = []
    ease = 0.0
    for decision in decisions:
        text = decision.explanation
        ease += reading_ease(_prose(text))
        if missing := lacking(decision):
            incomplete.append(f"{decision.wire_id} is incomplete ({missing}): {_excerpt(text)}")
        if hard := hard_to_read(text):
            unreadable.append(f"{decision.wire_id} is hard to read ({hard}): {_excerpt(text)}")
    return Measured(
        {
            "explanations": len(decisions),
            "incomplete": len(incomplete),
            "unreadable": len(unreadable),
            "reading_ease_mean": round(ease / len(decisions), 2) if decisions else None,
        },
        notes=(*incomplete[:_EXAMPLES], *unreadable[:_EXAMPLES]),
    )


def lacking(decision: WholeDecision) -> str:
    """What an explanation lacks; empty where it is complete."""
    text = decision.explanation.strip()
    if not text.startswith(_VERDICTS[decision.decision]):
        return f"it does not begin with “{_VERDICTS[decision.decision]}”"
    if not text.endswith(_ENDS):
        return "it does not end as a sentence"
    if found := _PLACEHOLDER.search(text):
        return f"“{found.group()}” stands where a figure should"
    for code in decision.reason_codes:
        if not decision.reasons.get(code, "").strip():
            return f"reason {code} is not told in words"
    return "" if decision.reason_codes else "there is no reason code"


def hard_to_read(text: str) -> str:
    """What makes an explanation hard to read; empty where nothing does."""
    if not LETTERS[0] <= len(text) <= LETTERS[1]:
        return f"{len(text)} letters; {LETTERS[0]} to {LETTERS[1]} are fair"
    if not text.isprintable():
        return "it has characters that cannot be printed"
    longest = max((len(words(one)) for one in sentences(text)), default=0)
    if longest > SENTENCE_WORDS:
        return f"a sentence of {longest} words"
    ease = reading_ease(_prose(text))
    return f"reading ease {ease:.0f}" if ease < LEAST_EASE else ""


def _prose(text: str) -> str:
    return re.sub(r"\s*\([^()]*\)", "", text)


def _excerpt(text: str) -> str:
    return text if len(text) <= 160 else text[:160] + "…"
