"""Kinds of values in a target file, and what every part of one has in common."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OWN_HEADERS = frozenset({"content-length", "host", "transfer-encoding", "connection"})


def _path_and_query(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("must start with /")
    if "#" in path:
        raise ValueError("must not have a fragment (#): it is never sent")
    if not path.isascii() or re.search(r"[\x00-\x20\x7f]", path):
        raise ValueError("must be ASCII without spaces; write other characters as %XX")
    return path


def _dotted_path(path: str) -> str:
    if not all(path.split(".")) or re.search(r"\s", path):
        raise ValueError(
            "must be names and list positions with dots between them, like outputs.0.data"
        )
    return path


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError("is not a header name")
    if name.lower() in _OWN_HEADERS:
        raise ValueError("is set by squall; take it out")
    if name.lower() == "content-type":
        raise ValueError("write it as request.content_type instead")
    return name


def _header_value(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not have line breaks or control characters")
    return value


UrlPath = Annotated[
    str, AfterValidator(_path_and_query), Field(json_schema_extra={"pattern": r"^/[^\s#]*$"})
]
AnswerPath = Annotated[
    str,
    AfterValidator(_dotted_path),
    Field(json_schema_extra={"pattern": r"^[^.\s]+(\.[^.\s]+)*$"}),
]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
Status = Annotated[int, Field(ge=200, le=599)]


class Part(BaseModel):
    """A part of a target file: no unknown keys, numbers may stand for text."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", coerce_numbers_to_str=True, allow_inf_nan=False
    )
