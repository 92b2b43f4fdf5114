from __future__ import annotations

import pytest
from tests.fraud_platform.stream.fakes import FakeBucket
from tests.fraud_platform.stream.function_parts import SHARD

from fraud_platform.errors import StoreError
from fraud_platform.stream.audit import AuditTrail, ChainHead
from fraud_platform.stream.audit_verification import AuditReport, RunInTrail, verify_chain
from fraud_platform.stream.decision import Decision, Outcome

CHAIN = f"{SHARD}.env0"


def outcome(number: int, **changes: object) -> Outcome:
    name = f"run-{number:012d}"
    answer = f'{{"transaction_id":"{name}","decision":"APPROVE"}}'.encode()
    decision = Decision(
        name, "APPROVE", 100, "EUR", 0, "u-1", None, bytes(16), answer, b"", None, 1.0, 1.0, 2.0,
        SHARD, number, "env0/1",
    )  # fmt: skip
    return Outcome(decision, **changes)  # type: ignore[arg-type]


def chain(bucket: FakeBucket, batches: int = 4) -> AuditTrail:
    trail = AuditTrail(bucket, "env0")
    for batch in range(batches):
        trail.append(SHARD, [outcome(10 * batch + n) for n in range(3)], float(batch))
    return trail


def report_on(objects: dict[str, bytes], published: ChainHead | None = None) -> AuditReport:
    report = AuditReport()
    verify_chain(CHAIN, sorted(objects.items()), report, published)
    return report


def test_a_chain_is_whole() -> None:
    bucket = FakeBucket()
    trail = chain(bucket)
    report = report_on(bucket.objects, trail.heads[CHAIN])
    assert report.document() == {
        "whole": True, "chains": 1, "objects": 4, "entries": 12, "kinds": {"decided": 12},
        "transactions": 12, "problems": [],
    }  # fmt: skip


def change(bucket: FakeBucket, number: int, old: bytes, new: bytes) -> None:
    key = sorted(bucket.objects)[number]
    assert old in bucket.objects[key]
    bucket.objects[key] = bucket.objects[key].replace(old, new)


def test_any_change_breaks_it() -> None:
    def changed(number: int, old: bytes, new: bytes) -> list[str]:
        bucket = FakeBucket()
        chain(bucket)
        change(bucket, number, old, new)
        return report_on(bucket.objects).problems

    assert any("hash of the entries" in p for p in changed(1, b'"amount":100', b'"amount":999'))
    assert any("hash of the object before" in p for p in changed(1, b'"env0"', b'"env9"'))
    assert any("number of entries" in p for p in changed(2, b'"entries":3', b'"entries":2'))
    assert changed(0, b'{"version"', b'["version"') != []


def test_removing_and_adding_breaks_it() -> None:
    bucket = FakeBucket()
    head = chain(bucket).heads[CHAIN]
    keys = sorted(bucket.objects)
    without = {key: bucket.objects[key] for key in keys if key != keys[1]}
    assert "missing or was added" in report_on(without).problems[0]
    cut = {key: bucket.objects[key] for key in keys[:3]}
    assert report_on(cut).problems == []
    assert "ends at 3, but 4" in report_on(cut, head).problems[0]
    added = {**bucket.objects, keys[0].replace("001.jsonl", "001x.jsonl"): b"{}"}
    assert report_on(added).problems
    other = ChainHead(head.number, "f" * 64)
    assert "differs from what its writer made known" in report_on(bucket.objects, other).problems[0]


def test_a_lost_answer_does_not_break_it() -> None:
    bucket = FakeBucket()
    trail = chain(bucket)
    bucket.lose_answer = True
    trail.append(SHARD, [outcome(90)], 9.0)
    trail.append(SHARD, [outcome(91)], 9.0)
    report = report_on(bucket.objects, trail.heads[CHAIN])
    assert (report.problems, report.objects) == ([], 6)


def test_an_object_stored_by_a_batch_that_gave_up_is_kept() -> None:
    bucket = FakeBucket()
    trail, twin = chain(bucket), AuditTrail(bucket, "env0")
    twin._heads.update(trail.heads)
    twin.append(SHARD, [outcome(70)], 8.0)
    trail.append(SHARD, [outcome(71)], 9.0)
    report = report_on(bucket.objects, trail.heads[CHAIN])
    assert (report.problems, report.objects, report.entries) == ([], 6, 14)


def test_a_foreign_object_in_the_way_is_told() -> None:
    bucket = FakeBucket()
    trail = chain(bucket)
    bucket.objects[f"audit/{CHAIN}/{5:012d}.jsonl"] = b"something else"
    with pytest.raises(StoreError, match="was not written by this environment"):
        trail.append(SHARD, [outcome(90)], 9.0)


def test_a_run_is_compared_with_what_was_recorded() -> None:
    bucket = FakeBucket()
    chain(bucket)
    report = AuditReport(run=RunInTrail("run"))
    verify_chain(CHAIN, sorted(bucket.objects.items()), report)
    assert report.run is not None
    recorded = [(f"run-{n:012d}", "APPROVE") for n in (0, 1, 2, 10, 99)]
    report.run.compare(recorded, report)
    told = report.document()["run"]
    assert (told["entries"], told["recorded"]) == (12, 5)
    assert (told["missing"], told["missing_first"]) == (1, ["run-000000000099"])
    assert (told["first_written_s"], told["last_written_s"]) == (0.0, 3.0)
    assert told["entries_per_second_max"] == 3
    assert (report.whole, report.problems) == (False, [])
    report.run.compare([("run-000000000001", "DECLINE")], report)
    assert "is APPROVE in the trail and DECLINE in the table" in report.problems[0]


def test_other_runs_are_not_counted() -> None:
    bucket = FakeBucket()
    chain(bucket)
    report = AuditReport(run=RunInTrail("another"))
    verify_chain(CHAIN, sorted(bucket.objects.items()), report)
    assert report.run is not None
    assert report.run.document()["entries"] == 0
    assert report.run.document()["first_written_s"] is None
    assert report.whole


def test_two_decisions_on_one_id_are_told() -> None:
    bucket = FakeBucket()
    trail = AuditTrail(bucket, "env0")
    other = outcome(1).decision._replace(
        answer=b'{"transaction_id":"run-000000000001","decision":"DECLINE"}'
    )
    trail.append(SHARD, [outcome(1), Outcome(other)], 1.0)
    (problem,) = report_on(bucket.objects).problems
    assert "is DECLINE here and was APPROVE before" in problem
