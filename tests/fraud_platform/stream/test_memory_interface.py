"""Customers, the audit of a run and expiry, on the real platform in stream mode."""

from __future__ import annotations

import time

from tests.fraud_platform.documents import document
from tests.fraud_platform.platform_process import Client
from tests.fraud_platform.stream.stream_platform import StreamPlatform, ask, log_of, until

from fraud_platform.stream.function_settings import RETENTION_DAYS

_DAY_S = 86_400


async def test_customers_are_shown(platform: StreamPlatform) -> None:
    client = await Client.open(platform.port)
    run, user = "custmrun", "u/ä 1"
    path = "/v1/customers/u%2F%C3%A4%201"
    unknown = await client.get(path)
    assert (unknown.status, unknown.code) == (404, "not_found")
    assert (await client.get("/v1/customers/")).status == 404
    assert (await client.request("POST", path)).status == 405
    begun_s = time.time()
    decided = [await ask(client, document(n, run, user_id=user), 20) for n in range(4)]
    assert [answer.status for answer in decided] == [200] * 4

    async def remembered() -> bool:
        answer = await client.get(path)
        return answer.status == 200 and answer.json["transactions"] == 4

    await until(remembered)
    shown = (await client.get(path)).json
    assert shown["user_id"] == user
    assert begun_s - 5 < shown["known_since_s"] < time.time() + 5
    words = [answer.json["decision"] for answer in decided]
    assert shown["decisions"] == {w: words.count(w) for w in ("APPROVE", "REVIEW", "DECLINE")}
    assert [one["transaction_id"] for one in shown["recent"]] == [
        answer.json["transaction_id"] for answer in decided[:0:-1]
    ]
    client.close()


async def test_a_runs_decisions_are_looked_for_in_the_trail(platform: StreamPlatform) -> None:
    client = await Client.open(platform.port)
    run = "auditrun"
    for number in range(5):
        assert (await ask(client, document(number, run), 20)).status == 200

    async def audited() -> bool:
        told = platform.command("audit", "verify", f"--run={run}")["run"]
        return bool(told["entries"] >= 5 and told["missing"] == 0)

    await until(audited)
    report = platform.command("audit", "verify", f"--run={run}")
    assert report["whole"] is True
    assert (report["run"]["recorded"], report["run"]["missing_first"]) == (5, [])
    assert report["run"]["first_written_s"] <= report["run"]["last_written_s"] <= time.time() + 5
    assert "run" not in platform.command("audit", "verify")
    client.close()


async def test_decisions_expire_and_profiles_do_not(platform: StreamPlatform) -> None:
    client = await Client.open(platform.port)
    assert (await ask(client, document(1, "expirrun"), 20)).status == 200
    assert len(await log_of(platform.port, "expirrun")) == 1
    client.close()
    dynamodb = platform.session.client("dynamodb")
    names = platform.names
    for table in (names.decision_table, names.coordination_table):
        told = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_s"}
    told = dynamodb.describe_time_to_live(TableName=names.profile_table)
    assert told["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    items = dynamodb.scan(TableName=names.decision_table)["Items"]
    (ours,) = [i for i in items if i["transaction_id"]["S"].startswith("expirrun-")]
    left_days = (int(ours["expires_s"]["N"]) - time.time()) / _DAY_S
    assert RETENTION_DAYS - 1 < left_days <= RETENTION_DAYS
