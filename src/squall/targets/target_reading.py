"""Reads target files, and says everything that is wrong with one in the user's words."""

from __future__ import annotations

import difflib
import os
import re
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from squall.errors import Problem, TargetFileError
from squall.targets.target_file import TargetFile
from squall.targets.template import REFERENCE
from squall.yaml_document import Document, Place, read_document

_ANY_REFERENCE = re.compile(r"\$\{[^}]*\}?")
_LONGEST_SHOWN = 60
_WORDS = ("true", "false")
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
}


def load_target_file(
    path: Path,
    known_fields: frozenset[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> TargetFile:
    """Read and check a target file.

    Args:
        path: the file.
        known_fields: names that ``${…}`` may refer to; None leaves that unchecked.
        environment: what ``${env:NAME}`` stands for; None: this process's environment.

    Raises:
        TargetFileError: with every problem found, by line and field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise TargetFileError([Problem(str(path), "", f"cannot be read: {reason}")]) from error
    return parse_target_file(text, str(path), known_fields, environment, path.parent)


def parse_target_file(
    text: str,
    where: str,
    known_fields: frozenset[str] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> TargetFile:
    """Check a target file's text.

    ``where`` names it in messages; file names in it are relative to ``directory``. The rest, and
    what it raises, as above.
    """
    document = read_document(text, where, os.environ if environment is None else environment)
    target: TargetFile | None = None
    if isinstance(document.value, dict):
        target = _checked(document)
        if known_fields is not None:
            _check_references(document, known_fields)
    elif not document.problems:
        document.report((), "must be fields with values, at least name and url")
    if target is not None and target.tls.ca_file is not None:
        target = _with_ca_file(document, target, (directory or Path()) / target.tls.ca_file)
    if document.problems or target is None:
        raise TargetFileError(sorted(document.problems, key=_line))
    return target


def _line(problem: Problem) -> int:
    return int(problem.where.rpartition(":")[2])


def _checked(document: Document) -> TargetFile | None:
    try:
        return TargetFile.model_validate(document.value)
    except ValidationError as error:
        reported: set[Place] = set()
        for detail in error.errors(include_url=False):
            place = _place(document.value, detail)
            inside = any(known[: len(place)] == place for known in reported)
            if place not in reported and not (inside and detail["type"] == "too_short"):
                document.report(place, _message(document, place, detail))
            reported.add(place)
        return None


def _place(value: Any, detail: ErrorDetails) -> Place:
    """Where in the file an error is: pydantic's location without what it adds of its own."""
    location = detail["loc"]
    place: list[int | str] = []
    for number, part in enumerate(location):
        last = number == len(location) - 1
        known = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        )
        if known:
            value = value[part]
        elif not (last and detail["type"] == "missing"):
            break
        place.append(part)
    return tuple(place)


def _message(document: Document, place: Place, detail: ErrorDetails) -> str:
    """One validation error in plain words."""
    kind, context = detail["type"], detail.get("ctx", {})
    given = document.as_written.get(place)
    shown = _shown(detail["input"] if given is None else given)
    if kind == "missing":
        return f"is missing; {_description(place)}"
    if kind == "extra_forbidden":
        return f"is not a known key{near(str(place[-1]), _keys_at(place[:-1]))}"
    if kind == "literal_error":
        names = ("approve", "review", "decline")
        return f"is none of {', '.join(names)}{near(str(place[-1]), names)}"
    if kind in ("string_type", "string_unicode"):
        return f"must be text, not {shown}" + ("; put it in quotes" if shown in _WORDS else "")
    if kind.startswith("bool"):
        return f"must be true or false, not {shown}"
    if kind == "int_from_float":
        return f"must be a whole number, not {shown}"
    if kind.startswith(("int_", "float_")) or kind == "finite_number":
        return f"must be a number, not {shown}"
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"must be {words} {context[name]:g}, not {shown}"
    if kind in ("string_too_short", "too_short"):
        return "must not be empty"
    if kind == "string_too_long":
        return f"must have at most {context['max_length']} characters"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"must be fields with values, not {shown}"
    if kind == "tuple_type":
        return f"must be a list, like [{shown.strip('“”')}]"
    if kind == "value_error":
        return str(context["error"])
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, not {shown}"


def near(word: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` where a known word is close, else the known words, if any."""
    names = list(known)
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(names)}" if names else ""


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value) if isinstance(value, int | float) else f"“{value}”"
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…”"


def _model_at(place: Place) -> type[BaseModel] | None:
    """The part of a target file that stands at a place."""
    model: type[BaseModel] | None = TargetFile
    for part in place:
        field = model.model_fields.get(str(part)) if model is not None else None
        kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
        model = next(
            (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None
        )
    return model


def _keys_at(place: Place) -> list[str]:
    model = _model_at(place)
    return [] if model is None else list(model.model_fields)


def _description(place: Place) -> str:
    """What a missing field is for."""
    model = _model_at(place[:-1])
    field = None if model is None else model.model_fields.get(str(place[-1]))
    return "" if field is None else str(field.description)


def _with_ca_file(document: Document, target: TargetFile, path: Path) -> TargetFile:
    """The target with the whole path of its certificate authority, which must be one."""
    place = ("tls", "ca_file")
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        document.report(place, f"{path} holds no certificate in PEM form")
    except OSError as error:
        document.report(place, f"{path} cannot be read: {error.strerror}")
    tls = target.tls.model_copy(update={"ca_file": str(path.absolute())})
    return target.model_copy(update={"tls": tls})


def _check_references(document: Document, known: frozenset[str]) -> None:
    """Note every ``${…}`` in the request that is no field of a transaction."""
    request = document.value.get("request")
    if not isinstance(request, dict):
        return
    for key in ("path", "headers", "body", "text"):
        for place, text in _strings(request.get(key), ("request", key)):
            for reference in _ANY_REFERENCE.findall(text):
                whole = REFERENCE.fullmatch(reference)
                if whole is None or whole.group(1) not in known:
                    document.report(place, _unknown(reference, known))
    for place in _keys_with_references(request.get("body"), ("request", "body")):
        document.report(place, "a key cannot hold ${…}; only values can")


def _unknown(reference: str, known: frozenset[str]) -> str:
    if not reference.endswith("}"):
        return f"“{reference}” is not closed; write ${{field}}"
    word = reference.strip("${}").strip()
    return f"{reference} is no field of a transaction{near(word, sorted(known))}"


def _strings(value: object, at: Place) -> list[tuple[Place, str]]:
    """Every string in a value with its place."""
    if isinstance(value, str):
        return [(at, value)]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _strings(item, (*at, key))]
    if isinstance(value, list):
        return [found for i, item in enumerate(value) for found in _strings(item, (*at, i))]
    return []


def _keys_with_references(value: object, at: Place) -> list[Place]:
    if isinstance(value, dict):
        own = [(*at, key) for key in value if "${" in key]
        return own + [
            found
            for key, item in value.items()
            for found in _keys_with_references(item, (*at, key))
        ]
    if isinstance(value, list):
        return [
            found for i, item in enumerate(value) for found in _keys_with_references(item, (*at, i))
        ]
    return []
