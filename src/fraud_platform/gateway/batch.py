"""``POST /v1/transactions/batch``: many transactions, one answer."""

from __future__ import annotations

from fraud_platform.gateway.http import Reply

BATCH_LIMIT = 500
"""Most transactions in one batch."""


class BatchReply:
    """Collects the answers to a batch and sends them together, in order."""

    def __init__(self, reply: Reply, size: int, answers: dict[int, int]) -> None:
        self._reply = reply
        self._results: list[bytes] = [b""] * size
        self._missing = size
        self._answers = answers
        if not size:
            self._send()

    def item(self, place: int) -> _Item:
        """The place of one transaction."""
        return _Item(self, place)

    def put(self, place: int, status: int, replay: bool, body: bytes) -> None:
        """One transaction's answer: its single answer with ``status`` (and ``replay``) in front."""
        self._answers[status] = self._answers.get(status, 0) + 1
        mark = b',"replay":true' if replay else b""
        self._results[place] = b'{"status":%d%b,%b' % (status, mark, body[1:])
        self._missing -= 1
        if not self._missing:
            self._send()

    def _send(self) -> None:
        self._reply.send(200, b'{"results":[%b]}' % b",".join(self._results))


class _Item:
    __slots__ = ("_batch", "_place")

    def __init__(self, batch: BatchReply, place: int) -> None:
        self._batch = batch
        self._place = place

    def answered(self, status: int, replay: bool, body: bytes) -> None:
        self._batch.put(self._place, status, replay, body)
