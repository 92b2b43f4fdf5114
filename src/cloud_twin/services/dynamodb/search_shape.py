"""What a Query or Scan asks for, apart from the keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from cloud_twin.services.dynamodb.database import Request
from cloud_twin.services.dynamodb.errors import invalid, validation
from cloud_twin.services.dynamodb.expressions.binding import Bindings, bind
from cloud_twin.services.dynamodb.expressions.conditions import check_types
from cloud_twin.services.dynamodb.expressions.paths import Steps, check_apart
from cloud_twin.services.dynamodb.expressions.tree import Condition, Kind, Parsed, Projection
from cloud_twin.services.dynamodb.index import Index
from cloud_twin.services.dynamodb.index import Projection as Projected
from cloud_twin.services.dynamodb.parameters import (
    choice,
    flag,
    refuse_legacy,
    text,
    whole_number,
)
from cloud_twin.services.dynamodb.table import Table

_SELECTS = ("ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT")


@dataclass(frozen=True, slots=True)
class SearchShape:
    """Where to look, what to keep, how much."""

    table: Table
    index: Index | None
    bindings: Bindings
    filter: Condition | None
    paths: tuple[Steps, ...] | None
    counts_only: bool
    consistent: bool
    limit: int | None

    @staticmethod
    def of(request: Request, key_condition: Parsed | None) -> SearchShape:
        """Read from the request's parameters. Raises AwsError where they contradict."""
        parameters = request.parameters
        refuse_legacy(parameters)
        table, index = _source(request)
        expressions = request.database.expressions
        given = parameters.get("FilterExpression")
        chosen = None if given is None else expressions.get(Kind.FILTER, given)
        given = parameters.get("ProjectionExpression")
        projection = None if given is None else expressions.get(Kind.PROJECTION, given)
        bindings = bind(parameters, (key_condition, chosen, projection))
        condition = None if chosen is None else cast(Condition, chosen.root)
        if condition is not None:
            check_types(Kind.FILTER, condition, bindings)
        paths = None
        if projection is not None:
            paths = tuple(bindings.resolve(path) for path in cast(Projection, projection.root))
            check_apart(Kind.PROJECTION, paths)
        return SearchShape(
            table,
            index,
            bindings,
            condition,
            paths,
            _select(parameters, index, paths) == "COUNT",
            flag(parameters, "ConsistentRead"),
            whole_number(parameters, "Limit", 1),
        )


def _source(request: Request) -> tuple[Table, Index | None]:
    parameters = request.parameters
    table = request.database.active(parameters)
    name = text(parameters, "IndexName")
    if name is None:
        return table, None
    index = table.indexes.get(name)
    if index is None:
        raise validation(f"The table does not have the specified index: {name}")
    if index.status != "ACTIVE":
        raise validation(f"Cannot read from backfilling global secondary index: {name}")
    if flag(parameters, "ConsistentRead"):
        raise validation("Consistent reads are not supported on global secondary indexes")
    return table, index


def _select(
    parameters: dict[str, Any], index: Index | None, paths: tuple[Steps, ...] | None
) -> str:
    default = "SPECIFIC_ATTRIBUTES" if paths else "ALL_PROJECTED_ATTRIBUTES"
    select = choice(parameters, "Select", _SELECTS, default)
    if paths and select != "SPECIFIC_ATTRIBUTES":
        raise validation(f"Cannot specify the ProjectionExpression when choosing to get {select}")
    if not paths and select == "SPECIFIC_ATTRIBUTES":
        raise validation(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
            "SPECIFIC_ATTRIBUTES"
        )
    if index is None:
        if parameters.get("Select") == "ALL_PROJECTED_ATTRIBUTES":
            raise invalid(
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
            )
        return select
    if index.projection is Projected.ALL:
        return select
    if select == "ALL_ATTRIBUTES":
        raise invalid(
            "Select type ALL_ATTRIBUTES is not supported for global secondary index "
            f"{index.name} because its projection type is not ALL"
        )
    outside = [str(path[0]) for path in paths or () if path[0] not in index.names]
    if outside:
        raise invalid(
            f"Global secondary index {index.name} does not project [{', '.join(outside)}]"
        )
    return select
