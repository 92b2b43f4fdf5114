"""Reads a run's decisions out of a DynamoDB table, by a scan, for the final read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from squall.errors import TargetProtocolError
from squall.load_generator.reconcile import DecisionPage
from squall.targets.aws.address import DecisionFormat
from squall.targets.aws.moments import moment_of
from squall.targets.aws.service_client import Service
from squall.targets.dated_page import DatedPage

ID, AMOUNT, DECIDED_AT = "#i", "#a", "#d"


class TableReader:
    """A ``DecisionReader``. The items' ids, amounts and times are attributes of the table.

    A scan reads the whole table and is paid for as such; items of other runs are passed over by
    the table itself.
    """

    def __init__(self, service: Service, table: str, form: DecisionFormat, run_tag: str) -> None:
        self._service = service
        self._table = table
        self._form = form
        self._run_tag = run_tag

    async def pages(self) -> AsyncIterator[DecisionPage]:
        """All items of the run.

        Raises:
            AwsRefused: the table cannot be read.
            TargetUnreachable: nothing answers.
            TargetProtocolError: an item's id is no text.
        """
        client = self._service.client()
        wanted = {ID: self._form.id, AMOUNT: self._form.amount}
        if self._form.decided_at:
            wanted[DECIDED_AT] = self._form.decided_at
        parameters: dict[str, object] = {
            "TableName": self._table,
            "ProjectionExpression": ", ".join(wanted),
            "FilterExpression": f"begins_with({ID}, :run)",
            "ExpressionAttributeNames": wanted,
            "ExpressionAttributeValues": {":run": {"S": f"{self._run_tag}-"}},
            "ConsistentRead": True,
        }
        try:
            while True:
                answer = await client.call("Scan", parameters)
                yield self._page(answer.get("Items") or [])
                following = answer.get("LastEvaluatedKey")
                if not following:
                    return
                parameters["ExclusiveStartKey"] = following
        finally:
            await client.close()

    def _page(self, items: list[Mapping[str, Any]]) -> DecisionPage:
        ids = [item.get(self._form.id, {}).get("S") for item in items]
        if not all(isinstance(wire_id, str) for wire_id in ids):
            raise TargetProtocolError(f"table {self._table}: {self._form.id} is not always text")
        amounts = [_whole(item.get(self._form.amount, {}).get("N")) for item in items]
        known = [amount for amount in amounts if amount is not None]
        amounts_minor = known if len(known) == len(ids) else None
        decided_at = self._form.decided_at
        if not decided_at:
            return DecisionPage([str(i) for i in ids], amounts_minor)
        return DatedPage(
            [str(i) for i in ids],
            amounts_minor,
            [moment_of(item.get(decided_at, {})) for item in items],
            f"{decided_at} in the table {self._table}",
        )


def _whole(number: object) -> int | None:
    """A whole number in DynamoDB's form; None for anything else."""
    text = str(number)
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else None
