"""The query protocol's forms: ``MetricData.member.1.Value=3`` as nested values."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from botocore.model import ListShape, MapShape, Shape, StructureShape

from cloud_twin.errors import AwsError

_DEPTH_LIMIT = 32


def parse_form(text: str) -> dict[str, str]:
    """Fields of a form, decoded. Raises ``MalformedQueryString``."""
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=200_000))
    except ValueError as error:
        raise AwsError("MalformedQueryString", f"the form cannot be read: {error}") from error


def nested(shape: Shape, form: dict[str, str]) -> Any:
    """The form's fields as structures, lists and maps of strings."""
    tree: dict[str, Any] = {}
    for name, value in form.items():
        parts = name.split(".")
        if len(parts) > _DEPTH_LIMIT:
            raise AwsError("MalformedQueryString", f"{name[:80]}: too many parts")
        node = tree
        for part in parts[:-1]:
            below = node.setdefault(part, {})
            if not isinstance(below, dict):
                below = node[part] = {}
            node = below
        node[parts[-1]] = value
    return _shaped(shape, tree)


def _shaped(shape: Shape, node: Any) -> Any:
    if isinstance(shape, StructureShape):
        if not isinstance(node, dict):
            return {}
        named = (
            (name, member, member.serialization.get("name", name))
            for name, member in shape.members.items()
        )
        return {
            name: _shaped(member, node[wire_name])
            for name, member, wire_name in named
            if wire_name in node
        }
    if isinstance(shape, ListShape):
        return [_shaped(shape.member, item) for item in _numbered(shape, node, "member")]
    if isinstance(shape, MapShape):
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        return {
            str(entry.get(key_name, "")): _shaped(shape.value, entry.get(value_name, ""))
            for entry in _numbered(shape, node, "entry")
            if isinstance(entry, dict)
        }
    return node if isinstance(node, str) else ""


def _numbered(shape: ListShape | MapShape, node: Any, step: str) -> list[Any]:
    """Items in the order of their numbers; an empty value is an empty list."""
    if not isinstance(node, dict):
        return []
    if not shape.serialization.get("flattened"):
        if isinstance(shape, ListShape):
            step = shape.member.serialization.get("name", step)
        node = node.get(step, {})
    if not isinstance(node, dict):
        return []
    numbered = [(int(key), item) for key, item in node.items() if key.isdigit()]
    return [item for _, item in sorted(numbered, key=lambda pair: pair[0])]
