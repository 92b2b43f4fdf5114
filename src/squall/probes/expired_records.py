"""Items that have expired, made before the load and cleared by the table itself beside it."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from squall.errors import ConfigurationError, TargetProtocolError
from squall.models import ExpiredRecords
from squall.probes.probe import ConcludedLoad, LoadClock, Measured
from squall.probes.twin_expiry import TwinExpiry
from squall.targets.aws.access import open_credentials
from squall.targets.aws.service_client import AwsRefused, Service, ServiceClient
from squall.targets.installation import Installation

_BATCH = 25
"""Most items of a BatchWriteItem."""
_WRITERS = 4
_PARTITIONS = 16
_EXPIRED_S = 3_600
"""The items expired up to this long ago, the first one first."""
_PAYLOAD_BYTES = 256
_LOOK_S = 0.5
_TRIES = 20

Item = dict[str, Any]


class ExpiredRecordsProbe:
    """Adds expired items to a table of the platform, in partitions that nobody else reads.

    On the twin they stay until the probe's phase begins; on AWS the table clears them when it
    gets to it, which may take days.
    """

    def __init__(
        self,
        spec: ExpiredRecords,
        installation: Installation,
        seed: int,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        if installation.access is None:
            raise ConfigurationError(
                f"probe {spec.name} needs a table on AWS or a twin: use --target stream"
            )
        self._spec = spec
        access = installation.access
        self._service = Service(
            access, open_credentials(access.profile), "dynamodb", "DynamoDB_20120810", "1.0"
        )
        twin = installation.twin_url
        self._twin = None if twin is None else TwinExpiry(twin)
        self._clock = clock
        self._wall_clock = wall_clock
        self._partitions = [f"squall-expired-{seed:x}#{n:02d}" for n in range(_PARTITIONS)]
        self._key: tuple[str, str] = ("", "")
        self._made = 0
        self._began_s: float | None = None
        self._cleared_s: float | None = None

    @property
    def what(self) -> str:
        """In a sentence."""
        spec = self._spec
        return f"{spec.count:,} expired items of table {spec.table}, cleared beside the load"

    async def prepare(self) -> None:
        """Make the items.

        Raises:
            ConfigurationError: there is no such table, or nothing expires in it.
        """
        client = self._service.client()
        try:
            attribute = await self._expiry_attribute(client)
            self._key = await self._key_names(client)
        finally:
            await client.close()
        if self._twin is not None:
            await self._twin.hold()
        requests = self._requests(attribute)
        await asyncio.gather(*(self._write(requests) for _ in range(_WRITERS)))

    async def beside(self, load: LoadClock) -> None:
        """Let them be cleared, and watch until they are."""
        start_s, _ = load.window(self._spec.during)
        await load.reach(start_s)
        if self._twin is not None:
            await self._twin.release()
        self._began_s = self._clock()
        client = self._service.client()
        left = list(self._partitions)
        try:
            while left:
                await asyncio.sleep(_LOOK_S)
                left = [one for one in left if await self._count(client, one, 1)]
        finally:
            await client.close()
        self._cleared_s = self._clock()

    async def conclude(self, load: ConcludedLoad) -> Measured:
        """What was cleared."""
        left = await self._left()
        done = self._cleared_s is not None and self._began_s is not None
        clearing_s = self._cleared_s - self._began_s if done else None  # type: ignore[operator]
        if self._twin is None and left:
            note = (
                f"{left:,} items are still there: AWS clears expired items within a few days, and "
                "the rest goes then"
            )
            figures = {"made": self._made, "cleared": None, "left": None, "clearing_s": None}
            return Measured(figures, notes=(note,))
        return Measured(
            {
                "made": self._made,
                "cleared": self._made - left,
                "left": left,
                "clearing_s": clearing_s,
            }
        )

    async def close(self) -> None:
        """Let the twin clear expired items again; what is left of ours is among them."""
        if self._twin is not None:
            await self._twin.release()

    # --- the table ------------------------------------------------------------------------

    async def _expiry_attribute(self, client: ServiceClient) -> str:
        table = self._spec.table
        try:
            answer = await client.call("DescribeTimeToLive", {"TableName": table})
        except AwsRefused as error:
            raise ConfigurationError(f"probe {self._spec.name}: {error}") from error
        told = answer.get("TimeToLiveDescription", {})
        if told.get("TimeToLiveStatus") != "ENABLED":
            raise ConfigurationError(
                f"probe {self._spec.name}: nothing expires in table {table}; enable its time to "
                "live, or name another with table"
            )
        return str(told["AttributeName"])

    async def _key_names(self, client: ServiceClient) -> tuple[str, str]:
        """Partition and sort key; both must be text."""
        answer = await client.call("DescribeTable", {"TableName": self._spec.table})
        table = answer["Table"]
        names = {part["KeyType"]: part["AttributeName"] for part in table["KeySchema"]}
        types = {
            one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]
        }
        if set(names) != {"HASH", "RANGE"} or {types[name] for name in names.values()} != {"S"}:
            raise ConfigurationError(
                f"probe {self._spec.name}: table {self._spec.table} has no partition and sort key "
                "of text; name another with table"
            )
        return names["HASH"], names["RANGE"]

    def _requests(self, attribute: str) -> Iterator[list[Item]]:
        """Batches of puts; the items expire in the order in which they are made."""
        partition, sort = self._key
        now_s, count = int(self._wall_clock()), self._spec.count
        payload = {"B": b64encode(bytes(_PAYLOAD_BYTES)).decode()}
        batch: list[Item] = []
        for number in range(count):
            expired_s = now_s - 1 - _EXPIRED_S * (count - number) // count
            item = {
                partition: {"S": self._partitions[number // _BATCH % _PARTITIONS]},
                sort: {"S": f"expired-{number:010d}"},
                attribute: {"N": str(expired_s)},
                "squall": payload,
            }
            batch.append({"PutRequest": {"Item": item}})
            if len(batch) == _BATCH or number == count - 1:
                yield batch
                batch = []

    async def _write(self, requests: Iterator[list[Item]]) -> None:
        client = self._service.client()
        table = self._spec.table
        try:
            for batch in requests:
                left: Sequence[Item] = batch
                for attempt in range(_TRIES):
                    answer = await client.call("BatchWriteItem", {"RequestItems": {table: left}})
                    unprocessed: Mapping[str, list[Item]] = answer.get("UnprocessedItems") or {}
                    left = unprocessed.get(table, [])
                    if not left:
                        break
                    await asyncio.sleep(min(0.05 * 2**attempt, 2.0))
                else:
                    raise TargetProtocolError(
                        f"table {table} takes no more writes: give it more capacity, or make "
                        f"fewer items in probe {self._spec.name}"
                    )
                self._made += len(batch)
        finally:
            await client.close()

    async def _left(self) -> int:
        client = self._service.client()
        try:
            return sum([await self._count(client, one) for one in self._partitions])
        finally:
            await client.close()

    async def _count(self, client: ServiceClient, partition: str, most: int | None = None) -> int:
        """Items of a partition that are still there, or whether there is one."""
        asked: dict[str, object] = {
            "TableName": self._spec.table,
            "Select": "COUNT",
            "KeyConditionExpression": "#p = :p",
            "ExpressionAttributeNames": {"#p": self._key[0]},
            "ExpressionAttributeValues": {":p": {"S": partition}},
            "ConsistentRead": True,
        }
        if most is not None:
            asked["Limit"] = most
        total = 0
        while True:
            answer = await client.call("Query", asked)
            total += int(answer["Count"])
            following = answer.get("LastEvaluatedKey")
            if not following or most is not None:
                return total
            asked["ExclusiveStartKey"] = following
