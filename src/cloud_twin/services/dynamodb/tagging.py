"""TagResource, UntagResource, ListTagsOfResource; DescribeContinuousBackups."""

from __future__ import annotations

from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.services.dynamodb.database import Request
from cloud_twin.services.dynamodb.errors import constraint, validation
from cloud_twin.services.dynamodb.parameters import structures, text, texts
from cloud_twin.services.dynamodb.table import Table

TAGS_MAX = 50


def _tagged(request: Request) -> Table:
    resource = request.parameters.get("ResourceArn")
    if type(resource) is not str:
        raise constraint(None, "resourceArn", "Member must not be null")
    name = resource.rpartition(":table/")[2]
    table = request.database.tables.get(name)
    if not resource.startswith("arn:") or ":table/" not in resource:
        raise validation(f"Invalid TableArn: Invalid ResourceArn provided as input {resource}")
    if table is None:
        raise AwsError(
            "ResourceNotFoundException",
            f"Requested resource not found: ResourcArn: {resource} not found",
        )
    return table


def tags_of(parameters: dict[str, Any]) -> dict[str, str]:
    """``Tags``, if any. Raises AwsError for anything else than keys and values."""
    if parameters.get("Tags") is None:
        return {}
    found = {}
    for at, tag in enumerate(structures(parameters, "Tags"), 1):
        key, value = text(tag, "Key"), text(tag, "Value")
        if key is None or value is None:
            word = "key" if key is None else "value"
            raise constraint(None, f"tags.{at}.member.{word}", "Member must not be null")
        found[key] = value
    return found


def tag_resource(request: Request) -> dict[str, Any]:
    """Set tags."""
    table = _tagged(request)
    tags = tags_of(request.parameters)
    if len(table.tags.keys() | tags.keys()) > TAGS_MAX:
        raise validation(f"A resource can have at most {TAGS_MAX} tags")
    table.tags.update(tags)
    return {}


def untag_resource(request: Request) -> dict[str, Any]:
    """Take tags away."""
    table = _tagged(request)
    for name in texts(request.parameters, "TagKeys"):
        table.tags.pop(name, None)
    return {}


def list_tags_of_resource(request: Request) -> dict[str, Any]:
    """All tags of a table."""
    table = _tagged(request)
    return {"Tags": [{"Key": name, "Value": value} for name, value in table.tags.items()]}


def describe_continuous_backups(request: Request) -> dict[str, Any]:
    """Always disabled here."""
    table = request.database.find(request.parameters)
    if table is None:
        name = request.parameters["TableName"]
        raise AwsError("TableNotFoundException", f"Table not found: {name}")
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "DISABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
        }
    }
