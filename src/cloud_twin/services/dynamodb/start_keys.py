"""Where a page ended and where the next one begins."""

from __future__ import annotations

from typing import Any

from cloud_twin.services.dynamodb import rows
from cloud_twin.services.dynamodb.attribute_values import Item, measure
from cloud_twin.services.dynamodb.errors import serialization, validation
from cloud_twin.services.dynamodb.index import Index
from cloud_twin.services.dynamodb.table import Table


def last_key(table: Table, index: Index | None, row: bytes) -> Item:
    """``LastEvaluatedKey``: the table's key attributes and the index's."""
    item = rows.item_of(row)
    names = dict.fromkeys((*(index.schema.names if index else ()), *table.schema.names))
    return {name: item[name] for name in names}


def start_key(given: Any, table: Table, index: Index | None) -> bytes:
    """The place in the order that an ``ExclusiveStartKey`` means.

    The item itself need not be there any more. Raises AwsError where the key does not fit.
    """
    if type(given) is not dict:
        raise serialization("Expected map or null")
    names = {*table.schema.names, *(index.schema.names if index else ())}
    if set(given) != names:
        raise validation("The provided starting key is invalid")
    for value in given.values():
        measure(value)
    attributes = (*table.schema.attributes, *(index.schema.attributes if index else ()))
    if any(attribute.kind not in given[attribute.name] for attribute in attributes):
        raise validation("The provided starting key is invalid")
    table_key = table.schema.of_item(given)
    if index is None:
        return table_key
    found = index.key_of(given, table_key)
    if found is None:
        raise validation("The provided starting key is invalid")
    return found
