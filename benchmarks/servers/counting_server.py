"""A server that takes PutRecords calls and keeps nothing: it counts records and acknowledges them.

``python -m benchmarks.servers.counting_server --ready FILE`` writes its port there. It is what the
engine's own figure is measured against, where the twin would be the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import cast

import uvloop

_ENTRY = b'"PartitionKey"'
_LENGTH = b"Content-Length: "
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n"


class Counts:
    """What arrived, and the answers by number of records, made once each."""

    def __init__(self) -> None:
        self.records = 0
        self._answers: dict[int, bytes] = {}

    def answer(self, body: bytes) -> bytes:
        """Count the records of a call; its answer."""
        count = body.count(_ENTRY)
        self.records += count
        if count not in self._answers:
            entry = {"SequenceNumber": "4" * 56, "ShardId": "shardId-000000000000"}
            content = json.dumps({"FailedRecordCount": 0, "Records": [entry] * count}).encode()
            self._answers[count] = _HEAD % len(content) + content
        return self._answers[count]


class Intake(asyncio.Protocol):
    """One connection."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._parts: list[bytes] = []
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """A piece of a call; one call at a time comes on a connection."""
        if not self._parts:
            split = data.index(b"\r\n\r\n") + 4
            at = data.index(_LENGTH) + len(_LENGTH)
            self._missing = int(data[at : data.index(b"\r\n", at)]) + split
        self._parts.append(data)
        self._missing -= len(data)
        if self._missing == 0:
            body = b"".join(self._parts)
            self._parts.clear()
            self._transport.write(self._counts.answer(body))


async def serve(ready: Path) -> None:
    """Serve until the process is ended."""
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Intake(counts), "127.0.0.1", 0)
    ready.write_text(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


def main() -> None:
    """Read the option and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ready", type=Path, required=True)
    uvloop.run(serve(parser.parse_args().ready))


if __name__ == "__main__":
    main()
