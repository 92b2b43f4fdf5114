"""``GET /v1/decisions?details=1`` in stream mode, on a twin."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.fraud_platform.documents import document
from tests.fraud_platform.platform_process import Client
from tests.fraud_platform.stream.stream_platform import StreamPlatform, ask


async def test_whole_decisions_are_listed_with_times_and_explanations(
    platform: StreamPlatform,
) -> None:
    run, count = "wholerun", 12

    async def send(number: int) -> Any:
        client = await Client.open(platform.port)
        answer = await ask(client, document(number, run), 30)
        client.close()
        assert answer.status == 200, answer.body
        return answer.json

    answers = await asyncio.gather(*[send(number) for number in range(count)])
    decided = {answer["transaction_id"]: answer for answer in answers}
    client = await Client.open(platform.port)
    items = []
    cursor: Any = 0
    while cursor is not None:
        path = f"/v1/decisions?run={run}&details=1&limit=5&cursor={cursor}"
        page = (await client.get(path)).json
        assert len(page["items"]) <= 5
        items += page["items"]
        cursor = page["next_cursor"]
    assert len(items) == count
    for item in items:
        answer = decided.pop(item["transaction_id"])
        assert {name: item[name] for name in answer} == answer
        assert item["arrived_s"] <= item["decided_s"] < item["arrived_s"] + 60
        assert set(item["reasons"]) == set(item["reason_codes"])
        assert item["explanation"].endswith(".")
    for path in ("details=2", "details=1&limit=2001"):
        assert (await client.get(f"/v1/decisions?run={run}&{path}")).status == 422
    client.close()
