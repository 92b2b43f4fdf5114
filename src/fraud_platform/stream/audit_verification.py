"""Is the audit trail whole? Checks every link of every chain, and compares a run's decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from fraud_platform.stream.audit import FIRST, FOLDER, ChainHead, object_key
from fraud_platform.wire.transaction import run_of

_TOLD = 20
"""Missing ids that are named."""


@dataclass(slots=True)
class RunInTrail:
    """What the trail holds of one run, and how that compares with the recorded decisions."""

    run: str
    entries: int = 0
    """Repeats and conflicts included."""
    first_written_s: float | None = None
    last_written_s: float | None = None
    by_second: Counter[int] = field(default_factory=Counter)
    """Entries by the second in which their object was written."""
    recorded: int = 0
    """Transactions with a recorded decision."""
    missing: list[str] = field(default_factory=list)
    """Those of them that are not in the trail."""

    def count(self, written_s: float) -> None:
        """One entry of an object written then."""
        self.entries += 1
        self.by_second[int(written_s)] += 1
        first_s, last_s = self.first_written_s, self.last_written_s
        self.first_written_s = written_s if first_s is None else min(first_s, written_s)
        self.last_written_s = written_s if last_s is None else max(last_s, written_s)

    def compare(self, recorded: Iterable[tuple[str, str]], report: AuditReport) -> None:
        """Compare with the recorded decisions (id, word)."""
        for name, decision in recorded:
            self.recorded += 1
            told = report.decided.get(name)
            if told is None:
                self.missing.append(name)
            elif told != decision:
                report.problems.append(f"{name} is {told} in the trail and {decision} in the table")

    def document(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "run": self.run,
            "entries": self.entries,
            "entries_per_second_max": max(self.by_second.values(), default=0),
            "first_written_s": self.first_written_s,
            "last_written_s": self.last_written_s,
            "recorded": self.recorded,
            "missing": len(self.missing),
            "missing_first": self.missing[:_TOLD],
        }


@dataclass(slots=True)
class AuditReport:
    """What a verification found. ``problems`` is empty when all is as it was written."""

    chains: int = 0
    objects: int = 0
    entries: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    decided: dict[str, str] = field(default_factory=dict)
    """Decision by id, of transactions whose decision is in the trail."""
    problems: list[str] = field(default_factory=list)
    run: RunInTrail | None = None
    """The run that is looked at by itself."""

    @property
    def whole(self) -> bool:
        """Whether all is as it was written, and nothing is missing."""
        return not self.problems and not (self.run and self.run.missing)

    def document(self) -> dict[str, Any]:
        """As plain values."""
        document = {
            "whole": self.whole,
            "chains": self.chains,
            "objects": self.objects,
            "entries": self.entries,
            "kinds": dict(self.kinds),
            "transactions": len(self.decided),
            "problems": self.problems,
        }
        return document if self.run is None else {**document, "run": self.run.document()}


def verify_chain(
    chain: str,
    objects: Iterable[tuple[str, bytes]],
    report: AuditReport,
    published: ChainHead | None = None,
) -> None:
    """Check one chain's objects, in the order of their keys, and add what is found to ``report``.

    ``published`` is a head that a writer made known elsewhere: a chain whose end was cut off does
    not reach it.
    """
    report.chains += 1
    before = FIRST
    number = 0
    for key, content in objects:
        number += 1
        report.objects += 1
        if key != object_key(chain, number):
            report.problems.append(
                f"{key}: expected {object_key(chain, number)}; an object is missing or was added"
            )
            return
        _verify_object(key, number, before, content, report)
        before = sha256(content).hexdigest()
        if published is not None and published.number == number and published.hash != before:
            report.problems.append(f"{key}: differs from what its writer made known")
    if published is not None and published.number > number:
        report.problems.append(
            f"{FOLDER}/{chain}: ends at {number}, but {published.number} objects were written"
        )


def _verify_object(key: str, number: int, before: str, content: bytes, report: AuditReport) -> None:
    first, _, rest = content.partition(b"\n")
    try:
        head: Mapping[str, Any] = orjson.loads(first)
        said = (head["number"], head["previous"], head["content"], head["entries"])
        written_s = float(head["written_s"])
        lines = rest.split(b"\n") if rest else []
        found = (number, before, sha256(rest).hexdigest(), len(lines))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        report.problems.append(f"{key}: its head cannot be read")
        return
    names = ("number", "hash of the object before", "hash of the entries", "number of entries")
    for name, told, true in zip(names, said, found, strict=True):
        if told != true:
            report.problems.append(f"{key}: the {name} is {true}, the head says {told}")
    for line in lines:
        _count_entry(key, line, written_s, report)


def _count_entry(key: str, line: bytes, written_s: float, report: AuditReport) -> None:
    try:
        entry = orjson.loads(line)
        kind, name, decision = entry["kind"], entry["transaction_id"], entry["decision"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        report.problems.append(f"{key}: an entry cannot be read")
        return
    report.entries += 1
    report.kinds[kind] += 1
    if report.run is not None and run_of(name) == report.run.run:
        report.run.count(written_s)
    earlier = report.decided.setdefault(name, decision)
    if earlier != decision:
        report.problems.append(f"{key}: {name} is {decision} here and was {earlier} before")
