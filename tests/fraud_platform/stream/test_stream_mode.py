"""The whole of stream mode, as processes on a twin."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import orjson
from tests.fraud_platform.documents import document
from tests.fraud_platform.platform_process import Client
from tests.fraud_platform.stream.stream_platform import StreamPlatform, ask, log_of, until

from fraud_platform.learning.model import AGENTS


async def test_the_whole_interface(platform: StreamPlatform) -> None:
    client = await Client.open(platform.port)
    assert (await client.get("/health")).json == {"status": "ok"}
    run = "ifacerun"

    decided = await ask(client, document(1, run), 20)
    assert decided.status == 200
    assert list(decided.json) == [
        "transaction_id", "decision", "risk_score", "confidence", "reason_codes",
    ]  # fmt: skip
    replay = await ask(client, document(1, run), 20)
    assert (replay.status, replay.body) == (200, decided.body)
    assert replay.headers["idempotent-replay"] == "true"
    conflict = await ask(client, document(1, run, amount=3), 20)
    assert (conflict.status, conflict.code) == (409, "id_reused")

    accepted = await client.post(document(2, run))
    assert accepted.status == 202
    assert list(accepted.json) == ["transaction_id", "sequence_number", "shard_id"]
    invalid = await client.post(document(3, run, amount=-1))
    assert (invalid.status, invalid.code) == (422, "amount_not_positive")
    batch = orjson.dumps([document(4, run), document(5, run, currency="XXX")])
    answers = (await client.request("POST", "/v1/transactions/batch?wait=20", batch)).json
    assert [one["status"] for one in answers["results"]] == [200, 422]

    preferring = await _preferring(client, document(6, run))
    assert preferring["decision"] in ("APPROVE", "REVIEW", "DECLINE")
    bad = await client.request("POST", "/v1/transactions?wait=never", orjson.dumps(document(7)))
    assert (bad.status, bad.code) == (422, "field_value")

    async def logged() -> bool:
        return len(await log_of(platform.port, run)) == 4

    await until(logged)
    items = await log_of(platform.port, run, limit=1)
    assert sorted(item["transaction_id"][-1] for item in items) == ["1", "2", "4", "6"]
    assert {item["amount"] for item in items} == {1250}
    detail = await client.get(f"/v1/transactions/{run}-000000000001")
    assert [vote["agent"] for vote in detail.json["votes"]] == list(AGENTS)
    assert (await client.get("/v1/transactions/unknown")).status == 404
    assert (await client.get(f"/v1/decisions?run={run}&cursor=99.x")).status == 422
    assert (await log_of(platform.port, "norun")) == []
    client.close()


async def _preferring(client: Client, made: object) -> Any:
    body = orjson.dumps(made)
    head = "POST /v1/transactions HTTP/1.1\r\nHost: x\r\nPrefer: wait=20\r\n"
    client.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    answer = await client.answer()
    assert answer.status == 200
    return answer.json


async def test_refunds_are_checked_at_the_gateway(platform: StreamPlatform) -> None:
    client = await Client.open(platform.port)
    run = "refundrn"
    assert (await ask(client, document(1, run), 20)).status == 200

    def refund(number: int, of: int, amount: int) -> object:
        original = f"{run}-{of:012d}"
        return document(
            number, run, type="refund", amount=amount, original_transaction_id=original,
            user_id="u-1",
        )  # fmt: skip

    answers = await asyncio.gather(
        *[_alone(platform.port, refund(n, 1, 500)) for n in (2, 3, 4)],
        _alone(platform.port, refund(5, 9, 10)),
    )
    assert Counter(status for status, _ in answers) == {200: 2, 422: 2}
    assert {code for status, code in answers if status == 422} == {
        "refund_above_original", "original_not_found",
    }  # fmt: skip
    assert len(await log_of(platform.port, run)) == 3
    client.close()


async def _alone(port: int, made: object) -> tuple[int, str]:
    client = await Client.open(port)
    answer = await ask(client, made, 20)
    client.close()
    return answer.status, "" if answer.status == 200 else answer.code


async def test_figures_of_the_functions_reach_the_dashboard(platform: StreamPlatform) -> None:
    client = await Client.open(platform.port)
    assert (await ask(client, document(1, "figurern"), 20)).status == 200

    async def counted() -> bool:
        dashboard = (await client.get("/v1/agents")).json
        return bool(dashboard["coordinator"]["decisions"]) and dashboard["stream"]["decided"] > 0

    await until(counted)
    dashboard = (await client.get("/v1/agents")).json
    assert dashboard["mode"] == "stream"
    assert [agent["name"] for agent in dashboard["agents"]] == list(AGENTS)
    for agent in dashboard["agents"]:
        told = agent["decisions"] + agent["timeouts"] + agent["failures"]
        assert told == dashboard["coordinator"]["decisions"]
    told = dashboard["coordinator"]
    assert told["complete"] + told["fallbacks"] == told["decisions"]
    assert told["complete"] > 0
    assert dashboard["environments"]["running"] >= 1
    metrics = (await client.get("/metrics")).body.decode()
    assert "fraud_platform_coordinator_decisions_total" in metrics
    client.close()


async def test_transactions_of_other_writers(platform: StreamPlatform) -> None:
    """Straight into the stream, and straight into the function."""
    run = "directrn"
    kinesis = platform.session.client("kinesis")
    for number, changes in ((1, {}), (2, {"amount": -1}), (3, {})):
        data = orjson.dumps(document(number, run, **changes))
        kinesis.put_record(
            StreamName=platform.names.transactions, Data=data, PartitionKey=f"u-{number}"
        )
    invoke = platform.session.client("lambda").invoke
    event = [document(4, run), document(4, run), document(5, run, country="?")]
    answer = invoke(FunctionName=platform.names.function, Payload=orjson.dumps(event))
    first, second, third = orjson.loads(answer["Payload"].read())
    assert first["decision"] in ("APPROVE", "REVIEW", "DECLINE")
    assert second == {**first, "replay": True}
    assert "error" in third

    async def logged() -> bool:
        return len(await log_of(platform.port, run)) == 4

    await until(logged)
    words = {i["transaction_id"][-1]: i["decision"] for i in await log_of(platform.port, run)}
    assert words.pop("2") == "REFUSED"
    assert "REFUSED" not in words.values()


async def test_exactly_once_while_functions_are_killed(platform: StreamPlatform) -> None:
    """SIGKILL under load, and every transaction sent twice: one decision each, audited."""
    run, count = "killrun1", 600
    kills = 0

    async def send(part: int) -> None:
        client = await Client.open(platform.port)
        for number in range(part, count, 12):
            for _ in range(2):
                answer = await client.post(document(number, run))
                assert answer.status == 202, answer.body
        client.close()

    async def kill() -> None:
        nonlocal kills
        while kills < 4:
            await asyncio.sleep(0.4)
            kills += platform.kill_functions()

    await asyncio.gather(kill(), *[send(part) for part in range(12)])

    async def all_decided() -> bool:
        return len(await log_of(platform.port, run)) == count

    await until(all_decided)
    items = await log_of(platform.port, run)
    assert {i["transaction_id"] for i in items} == {f"{run}-{n:012d}" for n in range(count)}
    assert kills >= 4

    async def whole() -> bool:
        return bool(platform.command("audit", "verify")["whole"])

    await until(whole)


async def test_failed_batches_reach_the_dead_letters_and_are_redriven(
    platform: StreamPlatform,
) -> None:
    run = "deadrun1"
    client = platform.session.client("lambda")
    mapping = next(
        one["UUID"]
        for one in client.list_event_source_mappings(FunctionName=platform.names.function)[
            "EventSourceMappings"
        ]
    )
    client.update_event_source_mapping(UUID=mapping, MaximumRetryAttempts=0)
    fault = platform.control(
        "POST", "/_twin/faults",
        {
            "service": "dynamodb", "operation": "TransactWriteItems", "when": "before",
            "resource": platform.names.decision_table,
            "error": {"code": "AccessDeniedException", "message": "no", "status": 400},
        },
    )  # fmt: skip
    http = await Client.open(platform.port)
    for number in range(20):
        assert (await http.post(document(number, run))).status == 202

    async def dead() -> bool:
        return bool(platform.command("dead-letters", "list")["messages"])

    await until(dead)
    assert await log_of(platform.port, run) == []
    platform.control("DELETE", f"/_twin/faults/{fault['id']}")
    client.update_event_source_mapping(UUID=mapping, MaximumRetryAttempts=8)

    async def redriven() -> bool:
        done = platform.command("dead-letters", "redrive")
        assert done["problems"] == []
        return len(await log_of(platform.port, run)) == 20

    await until(redriven)
    http.close()
