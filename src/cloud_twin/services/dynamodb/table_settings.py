"""Reads and checks what CreateTable and UpdateTable are asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.services.dynamodb.errors import constraint, invalid, validation
from cloud_twin.services.dynamodb.index import Projection
from cloud_twin.services.dynamodb.keys import KeyAttribute, KeySchema
from cloud_twin.services.dynamodb.parameters import (
    mapping,
    optional,
    structures,
    texts,
    whole_number,
)
from cloud_twin.services.dynamodb.quotas import Quotas
from cloud_twin.services.dynamodb.throughput import Setting

INDEXES_MAX = 20
INCLUDED_MAX = 100
_NAME = re.compile(r"[a-zA-Z0-9_.-]+", re.ASCII)
_UNSERVED = ("LocalSecondaryIndexes", "VectorIndexes", "ReplicaUpdates")


@dataclass(frozen=True, slots=True)
class Settings:
    """Throughput asked for, reading and writing."""

    read: Setting
    write: Setting


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """A global secondary index that is asked for."""

    name: str
    schema: KeySchema
    projection: Projection
    included: tuple[str, ...]
    settings: Settings


def checked_name(value: Any, member: str) -> str:
    """A table's or index's name. Raises AwsError for one that cannot be."""
    if type(value) is not str:
        raise constraint(None, member, "Member must not be null")
    if _NAME.fullmatch(value) is None:
        raise constraint(
            value, member, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        )
    if not 3 <= len(value) <= 255:
        rule = "greater than or equal to 3" if len(value) < 3 else "less than or equal to 255"
        raise constraint(value, member, f"Member must have length {rule}")
    return value


def refuse_unserved(parameters: dict[str, Any]) -> None:
    """Raise AwsError for features that the twin does not have."""
    for name in _UNSERVED:
        if parameters.get(name):
            raise validation(f"{name} is not served by this endpoint; leave it out")
    if (optional(parameters, "StreamSpecification") or {}).get("StreamEnabled"):
        raise validation("StreamSpecification is not served by this endpoint; leave it out")


def definitions_of(parameters: dict[str, Any]) -> list[dict[str, str]]:
    """``AttributeDefinitions``, checked."""
    found: list[dict[str, str]] = []
    for at, entry in enumerate(structures(parameters, "AttributeDefinitions"), 1):
        name, kind = entry.get("AttributeName"), entry.get("AttributeType")
        place = f"attributeDefinitions.{at}.member.attribute"
        if type(name) is not str:
            raise constraint(None, f"{place}Name", "Member must not be null")
        if kind not in ("S", "N", "B"):
            raise constraint(kind, f"{place}Type", "Member must satisfy enum value set: [B, N, S]")
        if any(one["AttributeName"] == name for one in found):
            raise invalid(f"Duplicate AttributeName in AttributeDefinitions: {name}")
        found.append({"AttributeName": name, "AttributeType": kind})
    return found


def schema_of(parameters: dict[str, Any], definitions: list[dict[str, str]]) -> KeySchema:
    """``KeySchema`` with types from the definitions. Raises AwsError where they do not fit."""
    entries = structures(parameters, "KeySchema")
    kinds = {one["AttributeName"]: one["AttributeType"] for one in definitions}
    if not 1 <= len(entries) <= 2:
        rule = "less than or equal to 2" if entries else "greater than or equal to 1"
        raise constraint(f"[{len(entries)} keys]", "keySchema", f"Member must have length {rule}")
    for at, (entry, wanted) in enumerate(zip(entries, ("HASH", "RANGE"), strict=False), 1):
        if entry.get("KeyType") not in ("HASH", "RANGE"):
            raise constraint(
                entry.get("KeyType"),
                f"keySchema.{at}.member.keyType",
                "Member must satisfy enum value set: [HASH, RANGE]",
            )
        if entry["KeyType"] != wanted:
            place = "first" if at == 1 else "second"
            raise validation(
                f"Invalid KeySchema: The {place} KeySchemaElement is not a {wanted} key type"
            )
    names = [str(entry.get("AttributeName")) for entry in entries]
    if len(set(names)) != len(names):
        raise validation(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
        )
    unknown = [name for name in names if name not in kinds]
    if unknown:
        raise invalid(
            "Some index key attributes are not defined in AttributeDefinitions. Keys: "
            f"[{', '.join(unknown)}], AttributeDefinitions: [{', '.join(kinds)}]"
        )
    attributes = [KeyAttribute(name, kinds[name]) for name in names]
    return KeySchema(attributes[0], attributes[1] if len(attributes) > 1 else None)


def check_all_used(definitions: list[dict[str, str]], schemas: list[KeySchema]) -> None:
    """Raise AwsError where an attribute is defined and no key uses it."""
    used = {name for schema in schemas for name in schema.names}
    defined = [one["AttributeName"] for one in definitions]
    if len(schemas) == 1 and len(defined) != len(used):
        raise invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes "
            "defined in AttributeDefinitions"
        )
    if set(defined) != used:
        raise invalid(
            "Some AttributeDefinitions are not used. AttributeDefinitions: "
            f"[{', '.join(defined)}], keys used: [{', '.join(sorted(used))}]"
        )


def billing_mode(parameters: dict[str, Any], default: str) -> str:
    """``PROVISIONED`` or ``PAY_PER_REQUEST``."""
    mode = parameters.get("BillingMode") or default
    if mode not in ("PROVISIONED", "PAY_PER_REQUEST"):
        raise constraint(
            mode,
            "billingMode",
            "Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]",
        )
    return str(mode)


def settings_of(parameters: dict[str, Any], mode: str, quotas: Quotas, index: str = "") -> Settings:
    """Throughput of a table or index under a billing mode. Raises AwsError where they clash."""
    of_index = f" for index: {index}" if index else ""
    given = optional(parameters, "ProvisionedThroughput")
    if mode == "PAY_PER_REQUEST":
        if given is not None:
            raise invalid(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                f"BillingMode is PAY_PER_REQUEST{of_index}"
            )
        return _on_demand(parameters)
    if given is None:
        raise invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
            f"PROVISIONED{of_index}"
        )
    found = []
    for name, highest in (
        ("ReadCapacityUnits", quotas.table_read_units_s),
        ("WriteCapacityUnits", quotas.table_write_units_s),
    ):
        units = whole_number(given, name, 1)
        if units is None:
            place = f"provisionedThroughput.{name[0].lower()}{name[1:]}"
            raise constraint(None, place, "Member must not be null")
        if units > highest:
            raise AwsError(
                "LimitExceededException",
                f"The requested {name} of {units} exceeds the per-table maximum of {highest:g}",
            )
        found.append(Setting(provisioned=True, units_s=units))
    return Settings(*found)


def _on_demand(parameters: dict[str, Any]) -> Settings:
    warm = optional(parameters, "WarmThroughput") or {}
    highest = optional(parameters, "OnDemandThroughput") or {}
    found = []
    for word in ("Read", "Write"):
        warm_s = whole_number(warm, f"{word}UnitsPerSecond", 1) or 0
        max_s = whole_number(highest, f"Max{word}RequestUnits", -1)
        found.append(
            Setting(provisioned=False, warm_s=warm_s, max_s=None if max_s in (None, -1) else max_s)
        )
    return Settings(*found)


def index_plan(
    entry: dict[str, Any], definitions: list[dict[str, str]], mode: str, quotas: Quotas
) -> IndexPlan:
    """One global secondary index of CreateTable or UpdateTable. Raises AwsError."""
    name = checked_name(entry.get("IndexName"), "globalSecondaryIndexes.1.member.indexName")
    schema = schema_of(entry, definitions)
    projection = mapping(entry, "Projection")
    kind = projection.get("ProjectionType")
    if kind is None:
        raise invalid("Unknown ProjectionType: null")
    if kind not in ("ALL", "KEYS_ONLY", "INCLUDE"):
        raise constraint(
            kind,
            "globalSecondaryIndexes.1.member.projection.projectionType",
            "Member must satisfy enum value set: [ALL, INCLUDE, KEYS_ONLY]",
        )
    included = tuple(texts(projection, "NonKeyAttributes"))
    if kind == "INCLUDE" and not included:
        raise invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    if kind != "INCLUDE" and included:
        raise invalid(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    settings = settings_of(entry, mode, quotas, name)
    return IndexPlan(name, schema, Projection(kind), included, settings)


def index_plans(
    parameters: dict[str, Any], definitions: list[dict[str, str]], mode: str, quotas: Quotas
) -> list[IndexPlan]:
    """All global secondary indexes of CreateTable. Raises AwsError."""
    if parameters.get("GlobalSecondaryIndexes") is None:
        return []
    entries = structures(parameters, "GlobalSecondaryIndexes")
    if not entries:
        raise invalid("List of GlobalSecondaryIndexes is empty")
    plans = [index_plan(entry, definitions, mode, quotas) for entry in entries]
    if len({plan.name for plan in plans}) != len(plans):
        raise invalid(f"Duplicate index name: {plans[0].name}")
    if len(plans) > INDEXES_MAX:
        raise invalid("GlobalSecondaryIndex count exceeds the per-table limit of 20")
    if sum(len(plan.included) for plan in plans) > INCLUDED_MAX:
        raise invalid("Number of projected attributes in all indexes exceeds the limit of 100")
    return plans
