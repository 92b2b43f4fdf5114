"""Tags of streams."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cloud_twin.services.kinesis.parameters import Parameters
from cloud_twin.services.kinesis.refusals import invalid, unserializable, violation

MOST_TAGS = 50
_ILLEGAL = re.compile(r"[^\u00C0-\u1FFF\u2C00-\uD7FF\w./\-=+_ @:]")


def read_tags(parameters: Parameters) -> dict[str, str]:
    """The Tags of a request. Raises ``AwsError``."""
    tags = parameters.get("Tags")
    if tags is None:
        raise violation(None, "tags", "Member must not be null")
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise unserializable("tags must be a map of strings")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise violation(
                tags,
                "tags",
                "Map keys must have a length of 1 to 128 and values of at most 256",
            )
    check_characters([*tags, *tags.values()])
    return tags


def check_characters(texts: Iterable[str]) -> None:
    """Raises ``AwsError`` where a key or value has a character that tags cannot have."""
    if any(_ILLEGAL.search(one) for one in texts):
        raise invalid(
            "Some tags contain invalid characters. Valid characters: Unicode letters, digits, "
            "white space, _ . / = + - @ :."
        )


def merged(
    tags: dict[str, str], added: dict[str, str], stream: str, account: str
) -> dict[str, str]:
    """Tags with more of them. Raises ``AwsError`` for more than 50."""
    together = tags | added
    if len(together) > MOST_TAGS:
        raise invalid(
            f"Failed to add tags to stream {stream} under account {account} because a given "
            f"stream cannot have more than {MOST_TAGS} tags associated with it."
        )
    return together
