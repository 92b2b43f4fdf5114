"""Is the audit trail whole? Reads every chain and checks every link."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from fraud_platform.stream.audit import FIRST, FOLDER, ChainHead, object_key


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

    def document(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "whole": not self.problems,
            "chains": self.chains,
            "objects": self.objects,
            "entries": self.entries,
            "kinds": dict(self.kinds),
            "transactions": len(self.decided),
            "problems": self.problems,
        }


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
        lines = rest.split(b"\n") if rest else []
        found = (number, before, sha256(rest).hexdigest(), len(lines))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        report.problems.append(f"{key}: its head cannot be read")
        return
    names = ("number", "hash of the object before", "hash of the entries", "number of entries")
    for name, told, true in zip(names, said, found, strict=True):
        if told != true:
            report.problems.append(f"{key}: the {name} is {true}, the head says {told}")
    for line in lines:
        _count_entry(key, line, report)


def _count_entry(key: str, line: bytes, report: AuditReport) -> None:
    try:
        entry = orjson.loads(line)
        kind, name, decision = entry["kind"], entry["transaction_id"], entry["decision"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        report.problems.append(f"{key}: an entry cannot be read")
        return
    report.entries += 1
    report.kinds[kind] += 1
    earlier = report.decided.setdefault(name, decision)
    if earlier != decision:
        report.problems.append(f"{key}: {name} is {decision} here and was {earlier} before")
