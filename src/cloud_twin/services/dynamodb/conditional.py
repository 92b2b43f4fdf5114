"""The condition (and update) of one write, bound to its names and values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from cloud_twin.errors import AwsError
from cloud_twin.services.dynamodb import rows
from cloud_twin.services.dynamodb.attribute_values import Item
from cloud_twin.services.dynamodb.database import Request
from cloud_twin.services.dynamodb.errors import condition_failed
from cloud_twin.services.dynamodb.expressions.binding import Bindings, bind
from cloud_twin.services.dynamodb.expressions.conditions import check_types, holds
from cloud_twin.services.dynamodb.expressions.tree import Condition, Kind, Parsed
from cloud_twin.services.dynamodb.parameters import choice


@dataclass(frozen=True, slots=True)
class Conditional:
    """What must hold before a write, and what an update changes."""

    condition: Condition | None
    update: Parsed | None
    bindings: Bindings
    shows_old: bool
    """Whether a failure shows the item (ReturnValuesOnConditionCheckFailure)."""

    @staticmethod
    def of(request: Request, parameters: dict[str, Any]) -> Conditional:
        """Read from a request or from one action of a transaction. Raises AwsError."""
        expressions = request.database.expressions
        text = parameters.get("ConditionExpression")
        condition = None if text is None else expressions.get(Kind.CONDITION, text)
        text = parameters.get("UpdateExpression")
        update = None if text is None else expressions.get(Kind.UPDATE, text)
        bindings = bind(parameters, (condition, update))
        root = None
        if condition is not None:
            root = cast(Condition, condition.root)
            if condition.values:
                check_types(Kind.CONDITION, root, bindings)
        shown = choice(
            parameters, "ReturnValuesOnConditionCheckFailure", ("ALL_OLD", "NONE"), "NONE"
        )
        return Conditional(root, update, bindings, shown == "ALL_OLD")

    def holds(self, item: Item) -> bool:
        """Whether the write may happen to this item (empty: there is none)."""
        return self.condition is None or holds(self.condition, item, self.bindings)

    def failure(self, old_row: bytes | None) -> AwsError:
        """The error where it may not."""
        if self.shows_old and old_row is not None:
            return condition_failed(rows.item_of(old_row))
        return condition_failed()
