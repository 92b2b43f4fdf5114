from __future__ import annotations

from typing import cast

import orjson

from fraud_platform.gateway.batch import BatchReply
from fraud_platform.gateway.http import Reply


class Sent:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def send(self, status: int, body: bytes) -> None:
        assert status == 200
        self.bodies.append(body)


def test_results_are_in_order_whatever_comes_first() -> None:
    sent, counts = Sent(), dict[int, int]()
    batch = BatchReply(cast(Reply, sent), 3, counts)
    batch.item(2).answered(422, False, b'{"error":{"code":"x"}}')
    batch.item(0).answered(200, False, b'{"transaction_id":"a"}')
    assert sent.bodies == []
    batch.item(1).answered(200, True, b'{"transaction_id":"b"}')
    assert orjson.loads(sent.bodies[0]) == {
        "results": [
            {"status": 200, "transaction_id": "a"},
            {"status": 200, "replay": True, "transaction_id": "b"},
            {"status": 422, "error": {"code": "x"}},
        ]
    }
    assert counts == {200: 2, 422: 1}


def test_an_empty_batch_is_answered_at_once() -> None:
    sent = Sent()
    BatchReply(cast(Reply, sent), 0, {})
    assert sent.bodies == [b'{"results":[]}']
