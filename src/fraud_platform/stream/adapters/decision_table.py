"""The decisions in DynamoDB.

Key: ``run_bucket`` (the run tag and one of 16 buckets) and ``transaction_id``. The key can be
computed from an id, so a decision is found without an index; a run is read by querying its buckets;
and no key takes more than a sixteenth of a run's writes. They expire where a retention is given;
from then on their ids are free again.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Collection, Sequence
from typing import Any
from uuid import uuid4

from fraud_platform.stream.adapters.dynamodb import BUSY, Item, Tables
from fraud_platform.stream.aws_wire import AwsCallError
from fraud_platform.stream.decision import Decision, blob, read_blob, run_bucket
from fraud_platform.stream.names import EXPIRY
from fraud_platform.stream.ports import Claim, Clash, Entry, Missed

_ABSENT = "attribute_not_exists(transaction_id)"


def key_of(transaction_id: str) -> Item:
    """The key of an id's item."""
    return {
        "run_bucket": {"S": run_bucket(transaction_id)},
        "transaction_id": {"S": transaction_id},
    }


def item_of(d: Decision) -> Item:
    """A decision as an item."""
    return {
        "run_bucket": {"S": run_bucket(d.transaction_id)},
        "transaction_id": {"S": d.transaction_id},
        "decision": {"S": d.decision},
        "amount": {"N": str(d.amount)},
        "record": {"B": b64encode(blob(d)).decode()},
    }


def read_item(item: Item) -> Decision:
    """What ``item_of`` wrote."""
    refunded = item.get("refunded")
    return read_blob(
        item["transaction_id"]["S"],
        item["decision"]["S"],
        int(item["amount"]["N"]),
        b64decode(item["record"]["B"]),
        int(refunded["N"]) if refunded else 0,
    )


class DynamoDecisions:
    """The port ``DecisionTable``."""

    def __init__(self, tables: Tables, name: str, retention_s: float = 0.0) -> None:
        """``retention_s``: how long decisions are kept; 0 is for ever."""
        self._tables = tables
        self._name = name
        self._retention_s = retention_s

    def insert(self, entries: Sequence[Entry]) -> Sequence[Clash]:
        """See the port."""
        actions: list[dict[str, Any]] = []
        owners: list[int] = []
        for place, (decision, claim) in enumerate(entries):
            actions.append({"Put": self._put(decision)})
            owners.append(place)
            if claim is not None:
                actions.append({"Update": self._claim(claim)})
                owners.append(place)
        try:
            self._tables.wire.call(
                "TransactWriteItems",
                {"TransactItems": actions, "ClientRequestToken": str(uuid4())},
            )
        except AwsCallError as error:
            if error.code != "TransactionCanceledException":
                raise
            return _clashes(error, actions, owners, len(entries))
        return ()

    def read(self, transaction_ids: Collection[str]) -> dict[str, Decision]:
        """See the port."""
        keys = [key_of(one) for one in dict.fromkeys(transaction_ids)]
        found = [read_item(item) for item in self._tables.batch_get(self._name, keys)]
        return {decision.transaction_id: decision for decision in found}

    def _put(self, decision: Decision) -> dict[str, Any]:
        item = item_of(decision)
        if self._retention_s:
            item[EXPIRY] = {"N": str(int(decision.decided_s + self._retention_s))}
        return {
            "TableName": self._name,
            "Item": item,
            "ConditionExpression": _ABSENT,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _claim(self, claim: Claim) -> dict[str, Any]:
        values = {":after": {"N": str(claim.after)}}
        condition = "attribute_exists(transaction_id) AND attribute_not_exists(refunded)"
        if claim.before:
            condition = "refunded = :before"
            values[":before"] = {"N": str(claim.before)}
        return {
            "TableName": self._name,
            "Key": key_of(claim.original),
            "UpdateExpression": "SET refunded = :after",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }


def _clashes(
    error: AwsCallError, actions: Sequence[dict[str, Any]], owners: Sequence[int], size: int
) -> Sequence[Clash]:
    """One answer per entry; an id that has its decision goes before anything else."""
    reasons = error.body.get("CancellationReasons")
    if not isinstance(reasons, list) or len(reasons) != len(actions):
        raise error
    clashes: list[Clash] = [None] * size
    for action, owner, reason in zip(actions, owners, reasons, strict=True):
        code = reason.get("Code", "None")
        if code == "None" or isinstance(clashes[owner], Decision):
            continue
        if code == "ConditionalCheckFailed":
            existing = reason.get("Item") if "Put" in action else None
            clashes[owner] = read_item(existing) if existing else Missed.CLAIM_LOST
        elif code in BUSY:
            clashes[owner] = clashes[owner] or Missed.CONTENDED
        else:
            raise AwsCallError(code, str(reason.get("Message", "")), error.body)
    return clashes
