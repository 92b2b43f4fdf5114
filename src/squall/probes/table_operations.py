"""Writes and reads of a table of its own, at a fixed rate beside the load."""

from __future__ import annotations

import random
from math import floor

import orjson

from squall.models import TableOperations
from squall.probes.aws_place import AwsPlace
from squall.probes.pacing import OpenLoop, Operation, Pace, connections_for
from squall.probes.probe import ConcludedLoad, LoadClock, Measured
from squall.probes.single_call import SingleCalls, json_calls
from squall.probes.tally import Tally
from squall.targets.aws.service_client import AwsRefused
from squall.targets.installation import Installation

_KEYS = 10_000
_READ_UNITS = 0.5
"""An eventually consistent read of an item under 4 KB."""


class TableOperationsProbe:
    """Every second operation writes an item of about 200 bytes, the others read one back."""

    def __init__(self, spec: TableOperations, installation: Installation, seed: int) -> None:
        self._spec = spec
        self._place = AwsPlace(spec.name, installation)
        self._service = self._place.dynamodb()
        self._tally = Tally()
        self._loop: OpenLoop | None = None
        self._made = False
        self._random = random.Random(seed)

    @property
    def what(self) -> str:
        """What it does, with its amounts."""
        capacity = (
            "on demand"
            if self._spec.capacity_share is None
            else f"with {100 * self._spec.capacity_share:g} % of the capacity they use"
        )
        return f"{self._spec.rate_tps:,.4g} operations a second on a table of its own, {capacity}"

    async def prepare(self) -> None:
        """Make the table.

        Raises:
            TargetError: it cannot be made.
        """
        client = self._service.client()
        try:
            await client.call("CreateTable", self._table())
            self._made = True

            async def active() -> bool:
                answer = await client.call("DescribeTable", {"TableName": self._place.name})
                return bool(answer["Table"]["TableStatus"] == "ACTIVE")

            await self._place.until("its table", active)
        finally:
            await client.close()

    def _table(self) -> dict[str, object]:
        table: dict[str, object] = {
            "TableName": self._place.name,
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        }
        share = self._spec.capacity_share
        if share is None:
            return table | {"BillingMode": "PAY_PER_REQUEST"}
        units_s = share * self._spec.rate_tps / 2
        return table | {
            "BillingMode": "PROVISIONED",
            "ProvisionedThroughput": {
                "WriteCapacityUnits": max(1, floor(units_s)),
                "ReadCapacityUnits": max(1, floor(units_s * _READ_UNITS)),
            },
        }

    async def beside(self, load: LoadClock) -> None:
        """Work at the rate until the phase is over and what was due in it is done."""
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
        name = self._place.name
        put, get = json_calls(self._service, "PutItem"), json_calls(self._service, "GetItem")

        async def operate(number: int) -> bool:
            if number % 2 == 0:
                item = {
                    "id": {"S": _key(number)},
                    "changed": {"N": str(number)},
                    "content": {"S": f"{self._random.getrandbits(512):0128x}"},
                }
                answer = await connection.call(put, orjson.dumps({"TableName": name, "Item": item}))
            else:
                key = {"id": {"S": _key(number - 1)}}
                answer = await connection.call(get, orjson.dumps({"TableName": name, "Key": key}))
            if answer is None:
                return False
            self._tally.succeed()
            return True

        return operate

    async def conclude(self, load: ConcludedLoad) -> Measured:
        """What was measured."""
        tally, loop = self._tally, self._loop
        return Measured(
            {
                "operations": tally.total,
                "operations_tps": None if loop is None else tally.done / loop.elapsed_s,
                "planned_tps": self._spec.rate_tps,
                "throttled_share": tally.share(tally.throttled),
                "failed_share": tally.share(tally.failed),
            },
            tally.latency_ms(),
            tally.notes(),
        )

    async def close(self) -> None:
        """Delete the table.

        Raises:
            TargetError: it cannot be deleted.
        """
        if not self._made:
            return
        client = self._service.client()
        try:
            await client.call("DeleteTable", {"TableName": self._place.name})
        except AwsRefused as error:
            if error.refusal.code != "ResourceNotFoundException":
                raise
        finally:
            await client.close()
        self._made = False


def _key(number: int) -> str:
    return f"customer-{number // 2 % _KEYS:06d}"
