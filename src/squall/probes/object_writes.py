"""Objects written to a bucket of its own, at a fixed rate beside the load."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from squall.models import ObjectWrites
from squall.probes.aws_place import AwsPlace
from squall.probes.pacing import OpenLoop, Operation, Pace, connections_for
from squall.probes.probe import ConcludedLoad, LoadClock, Measured
from squall.probes.single_call import SingleCalls
from squall.probes.tally import Tally
from squall.targets.aws.signed_calls import SignedCalls
from squall.targets.aws.signing import Shape
from squall.targets.installation import Installation

_OF_OLD = "us-east-1"
"""The region whose buckets are made without a location."""


class ObjectWritesProbe:
    """Each object is new; after the load they are listed and held against what was acknowledged."""

    def __init__(self, spec: ObjectWrites, installation: Installation, seed: int) -> None:
        self._spec = spec
        self._place = AwsPlace(spec.name, installation)
        self._service = self._place.rest("s3")
        self._tally = Tally()
        self._loop: OpenLoop | None = None
        self._client: Any = None
        """Set while there is a bucket."""
        self._filling = random.Random(seed).randbytes(spec.object_bytes).hex()

    @property
    def what(self) -> str:
        """What it does, with its amounts."""
        return (
            f"{self._spec.rate_tps:,.4g} objects a second of {self._spec.object_bytes:,} bytes "
            "written to a bucket of its own"
        )

    async def prepare(self) -> None:
        """Make the bucket.

        Raises:
            TargetError: it cannot be made.
        """
        client = await self._place.botocore("s3")
        region = self._place.access.region
        where = {} if region == _OF_OLD else {"LocationConstraint": region}
        parameters = {"CreateBucketConfiguration": where} if where else {}
        await self._place.made(
            f"make the bucket {self._place.name}",
            client.create_bucket,
            Bucket=self._place.name,
            **parameters,
        )
        self._client = client

    async def beside(self, load: LoadClock) -> None:
        """Write at the rate until the phase is over and what was due in it is done."""
        pace = Pace.of(load, self._spec.during, self._spec.rate_tps)
        self._loop = OpenLoop(load, pace, self._tally)
        connections = [
            SingleCalls(self._service, self._tally)
            for _ in range(connections_for(self._spec.rate_tps))
        ]
        try:
            await self._loop.run([self._operation(one) for one in connections])
        finally:
            for one in connections:
                await one.close()

    def _operation(self, connection: SingleCalls) -> Operation:
        async def operate(number: int) -> bool:
            body = f'{{"entry":{number},"content":"{self._filling}'[: self._spec.object_bytes]
            calls, request = self._put(number, body.encode())
            if await connection.exchange(calls, request) is None:
                return False
            self._tally.succeed()
            return True

        return operate

    def _put(self, number: int, body: bytes) -> tuple[SignedCalls, bytes]:
        """A whole PutObject. Every key is a path of its own, so a shape of its own to sign."""
        digest, service = sha256(body).hexdigest(), self._service
        headers = {"Host": service.address.host, "X-Amz-Content-Sha256": digest}
        shape = Shape("PUT", f"/{self._place.name}/{_key(number)}", headers)
        calls = SignedCalls(shape, service.scope, service.credentials, time.time)
        return calls, calls.head(digest, len(body)) + body

    async def conclude(self, load: ConcludedLoad) -> Measured:
        """What was measured, and whether all that was acknowledged is there.

        Raises:
            TargetError: the bucket cannot be listed.
        """
        tally, loop = self._tally, self._loop
        there = await self._place.made("list its bucket", self._count)
        return Measured(
            {
                "writes": tally.total,
                "writes_tps": None if loop is None else tally.done / loop.elapsed_s,
                "planned_tps": self._spec.rate_tps,
                "failed_share": tally.share(tally.failed + tally.throttled),
                "missing": max(0, tally.done - there),
            },
            tally.latency_ms(),
            tally.notes(),
        )

    async def close(self) -> None:
        """Remove the objects and the bucket.

        Raises:
            TargetError: they cannot be removed.
        """
        if self._client is None:
            return
        await self._place.made(f"remove the bucket {self._place.name}", self._remove)
        client, self._client = self._client, None
        await asyncio.to_thread(client.close)

    def _pages(self) -> Iterator[list[dict[str, str]]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._place.name)
        for page in pages:
            yield [{"Key": item["Key"]} for item in page.get("Contents", ())]

    def _count(self) -> int:
        return sum(len(keys) for keys in self._pages())

    def _remove(self) -> None:
        for keys in self._pages():
            if keys:
                self._client.delete_objects(
                    Bucket=self._place.name, Delete={"Objects": keys, "Quiet": True}
                )
        self._client.delete_bucket(Bucket=self._place.name)


def _key(number: int) -> str:
    return f"audit/{number:010d}.json"
