"""The service of the walkthrough in ``docs/targets.md``, and a run on it with a final read."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from tests.targets.certificates import Authority
from tests.targets.servers import response, tcp_server

from squall.errors import TargetProtocolError
from squall.load_generator import LoadGenerator, LoadPlan, Reconciliation
from squall.load_generator.transactions import FactorySpec
from squall.models import (
    FIELDS,
    Accounting,
    ArrivalProcess,
    ClientSpec,
    Counts,
    Mix,
    RetryPolicy,
    Truth,
)
from squall.models.load_spec import SustainedSpec
from squall.targets import HttpTarget, load_target_file

EXAMPLE = Path(__file__).parents[2] / "examples" / "targets" / "payments.yaml"
TOKEN = "s3cret"
RUN_TAG = "payments"
PLANNED = 300
DEADLINE_S = 40


@dataclass
class PaymentsService:
    """Checks payments as the page says; ``misbehaves`` says how it loses its way."""

    misbehaves: str = ""
    records: list[tuple[str, int]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    shed: Counter[str] = field(default_factory=Counter)
    """Refusals by key: every tenth payment is refused once, to be tried again."""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            start, *lines = head.decode().splitlines()[:-1]
            method, path, _ = start.split(" ")
            fields = {name.lower(): value for name, _, value in (s.partition(": ") for s in lines)}
            body = await reader.readexactly(int(fields.get("content-length", "0")))
            writer.write(self.answer(method, path, fields, body))

    def answer(self, method: str, path: str, fields: dict[str, str], body: bytes) -> bytes:
        if fields.get("authorization") != f"Bearer {TOKEN}":
            return response(401, b"who are you?")
        if path == "/ready":
            return response(200)
        if method == "GET":
            return self.page(parse_qs(urlsplit(path).query))
        return self.check(path, fields["idempotency-key"], orjson.loads(body))

    def check(self, path: str, key: str, check: dict[str, object]) -> bytes:
        assert path.startswith("/v1/checks?channel=")
        assert key == check["reference"]
        assert check["version"] == 2
        assert str(check["description"]).startswith("card payment in ")
        number = int(key[-12:])
        if number % 10 == 3 and not self.shed[key]:
            self.shed[key] += 1
            return response(503, b"busy", "Retry-After: 0")
        money = check["money"]
        assert isinstance(money, dict)
        if key not in self.keys:
            self.keys.add(key)
            lost = self.misbehaves == "loses" and number % 100 == 7
            doubled = self.misbehaves == "doubles" and number % 100 == 8
            self.records += [(key, int(money["minor"]))] * (0 if lost else 2 if doubled else 1)
        verdict = ("PASS", "HOLD", "MANUAL", "BLOCK")[number % 4]
        decision = {"reference": key, "verdict": verdict, "risk": number % 101}
        return response(201, orjson.dumps({"check": decision}))

    def page(self, query: dict[str, list[str]]) -> bytes:
        assert query["prefix"] == [RUN_TAG]
        first = 0 if query["after"] == ["start"] else int(query["after"][0])
        last = first + int(query["limit"][0])
        shift = 1 if self.misbehaves == "miscounts" else 0
        checks = [
            {"reference": key, "money": {"minor": minor + shift}}
            for key, minor in self.records[first:last]
        ]
        following = str(last) if last < len(self.records) else None
        return response(200, orjson.dumps({"checks": checks, "next": following}))


def described(port: int, authority: Authority, directory: Path) -> HttpTarget:
    """The example with the port and certificate of this test."""
    shutil.copy(authority.ca_file, directory / "company-ca.pem")
    file = directory / "payments.yaml"
    file.write_text(EXAMPLE.read_text().replace(":8443", f":{port}"))
    target_file = load_target_file(file, frozenset(FIELDS), {"PAYMENTS_TOKEN": TOKEN})
    return HttpTarget(target_file, FIELDS)


@dataclass(frozen=True)
class Run:
    accounting: Accounting
    truth: Truth
    errors: Counter[str]


async def run(service: PaymentsService, authority: Authority, directory: Path) -> Run:
    source = FactorySpec(seed=3, planned=PLANNED, epoch_s=1.79e9, mix=Mix(0.2, 0.0))
    tls = authority.server("good")
    async with asyncio.timeout(DEADLINE_S), tcp_server(service.handle, tls) as port:
        target = described(port, authority, directory)
        await target.check()
        plan = LoadPlan(
            run_tag=RUN_TAG,
            seed=3,
            load=SustainedSpec(type="sustained", rate_tps=PLANNED, duration_s=1),
            arrivals=ArrivalProcess.EVEN,
            source=source,
            target=target.spec,
            client=ClientSpec(connections=4, retry=RetryPolicy(max_attempts=3, base_ms=5)),
            workers=1,
            drain_s=10,
        )
        generator = LoadGenerator(plan)
        counts, truth, errors = Counts(), Truth(), Counter[str]()
        try:
            await generator.prepare()
            async for interval in generator.run():
                counts, truth = counts + interval.counts, truth + interval.truth
                errors.update(interval.errors)
        finally:
            await generator.close()
        reader = target.reader(RUN_TAG)
        assert reader is not None
        reconciliation = Reconciliation(generator.ledger, RUN_TAG, source)
        async for page in reader.pages():
            reconciliation.add(page)
    return Run(reconciliation.close(counts), truth, errors)


def ids(numbers: range) -> tuple[str, ...]:
    return tuple(f"{RUN_TAG}-{number:012d}" for number in numbers)


async def test_the_walkthrough(authority: Authority, tmp_path: Path) -> None:
    done = await run(PaymentsService(), authority, tmp_path)
    accounting = done.accounting
    assert done.errors == {}
    assert accounting.accepted == accounting.seen == PLANNED
    assert accounting.attempts == PLANNED + PLANNED // 10  # those refused once were tried again
    assert accounting.reconciled
    assert accounting.amount_difference_minor == 0
    assert done.truth.decisions.sum(axis=0).tolist() == [
        0,
        PLANNED // 4,
        PLANNED // 2,
        PLANNED // 4,
    ]
    assert done.truth.scores.sum() == PLANNED


async def test_what_the_service_loses_is_listed(authority: Authority, tmp_path: Path) -> None:
    accounting = (await run(PaymentsService("loses"), authority, tmp_path)).accounting
    assert accounting.reconciled is False
    assert accounting.lost_ids == ids(range(7, PLANNED, 100))


async def test_what_it_decides_twice_is_listed(authority: Authority, tmp_path: Path) -> None:
    accounting = (await run(PaymentsService("doubles"), authority, tmp_path)).accounting
    assert accounting.reconciled is False
    assert accounting.duplicated_ids == ids(range(8, PLANNED, 100))


async def test_sums_of_money_are_compared(authority: Authority, tmp_path: Path) -> None:
    accounting = (await run(PaymentsService("miscounts"), authority, tmp_path)).accounting
    assert accounting.lost == accounting.duplicated == 0
    assert accounting.amount_difference_minor == PLANNED
    assert accounting.reconciled is False


async def test_a_wrong_token_is_told_before_the_run(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.TOKEN", "another")
    async with tcp_server(PaymentsService().handle, authority.server("good")) as port:
        target = described(port, authority, tmp_path)
        monkeypatch.undo()
        with pytest.raises(TargetProtocolError, match="/ready answered 401: who are you"):
            await target.check()
