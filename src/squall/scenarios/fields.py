"""Checks a document against the scenario model, and says what is wrong in the user's words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from squall.models import FaultSpec, ProbeSpec, TestScenario
from squall.models.load_spec import (
    BurstSpec,
    ChaosSpec,
    RampUpSpec,
    ScaleSpec,
    SequenceSpec,
    SumSpec,
    SustainedSpec,
    WaveSpec,
)
from squall.yaml_document import Document, Place

LOADS: Mapping[str, type[BaseModel]] = {
    "ramp_up": RampUpSpec,
    "sustained": SustainedSpec,
    "burst": BurstSpec,
    "wave": WaveSpec,
    "chaos": ChaosSpec,
    "sequence": SequenceSpec,
    "sum": SumSpec,
    "scale": ScaleSpec,
}
"""The specification of each load shape, by its ``type``."""


def _by_type(union: Any) -> dict[str, type[BaseModel]]:
    """The members of a union of specifications by their ``type``."""
    members = get_args(get_args(union)[0])
    return {get_args(one.model_fields["type"].annotation)[0]: one for one in members}


KINDS: Mapping[str, tuple[str, Mapping[str, type[BaseModel]]]] = {
    "probes": ("probe", _by_type(ProbeSpec)),
    "faults": ("fault", _by_type(FaultSpec)),
}
"""What a list's items are called, and the specification of each ``type``; else it is a load."""


def _kinds(place: Place) -> tuple[str, Mapping[str, type[BaseModel]]]:
    """The kinds of things that may stand at a place, and what they are called."""
    return KINDS.get(str(place[0]) if place else "", ("load", LOADS))


_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_MOST_SHOWN = 60


def check_fields(document: Document) -> TestScenario | None:
    """The scenario that a document states; None, with its problems noted, where it is wrong."""
    _refuse_flags(document, document.value, (), TestScenario)
    try:
        return TestScenario.model_validate(document.value)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            place = _place(document.value, detail["loc"])
            if detail["type"] == "too_short" and detail["input"]:
                continue  # its items are wrong, and each has said so
            if detail["type"] == "missing":
                document.report(place, _missing(place))
            else:
                document.report(place, _message(document.value, place, detail))
        return None


def near(word: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` where a known word is close, else the list of known words."""
    names = list(known)
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}"


def _place(value: Any, location: tuple[int | str, ...]) -> Place:
    """Pydantic's location without the types that it puts in between."""
    place: list[int | str] = []
    entered = False  # a mapping's type comes once, before its fields
    for part in location:
        tagged = isinstance(value, Mapping) and value.get("type") == part and not entered
        if part == "[key]" or (tagged and part in _kinds(location)[1]):
            entered = True
            continue
        entered = False
        place.append(part)
        if isinstance(value, Mapping):
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            value = None
    return tuple(place)


def _message(whole: Any, place: Place, detail: ErrorDetails) -> str:
    """One validation error in plain words."""
    kind, context, given = detail["type"], detail.get("ctx", {}), _shown(detail["input"])
    if kind == "extra_forbidden":
        known = _known_fields(whole, place[:-1])
        return f"is not a known field{near(str(place[-1]), known)}"
    if kind == "union_tag_not_found":
        return f"“type” is missing: write one of {', '.join(_kinds(place)[1])}"
    if kind == "union_tag_invalid":
        tag = str(context.get("tag"))
        called, kinds = _kinds(place)
        return f"“{tag}” is not a type of {called}{near(tag, kinds)}"
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"must be {words} {_number(context[name])}, not {given}"
    if kind in ("float_parsing", "float_type", "int_parsing", "int_type", "finite_number"):
        return f"must be a number, not {given}"
    if kind == "int_from_float":
        return f"must be a whole number, not {given}"
    if kind.startswith("bool"):
        return f"must be true or false, not {given}"
    if kind == "string_type":
        return f"must be text, not {given}; put it in quotes"
    if kind == "string_too_short":
        return "must not be empty"
    if kind == "string_too_long":
        return f"must have at most {context['max_length']} characters"
    if kind == "string_pattern_mismatch":
        return f"must be lower-case letters, digits and _, starting with a letter, not {given}"
    if kind in ("enum", "literal_error"):
        return f"must be {context['expected']}, not {given}"
    if kind in ("model_type", "model_attributes_type", "dict_type", "dict_attributes_type"):
        return f"must be fields with values, not {given}"
    if kind == "tuple_type":
        return f"must be a list, not {given}"
    if kind == "too_short":
        return "must have at least one item"
    if kind == "value_error":
        return str(context["error"])
    return f"{detail['msg'][0].lower()}{detail['msg'][1:]}, not {given}"


def _missing(place: Place) -> str:
    """What to write where a required field is left out."""
    field = TestScenario.model_fields.get(str(place[0])) if len(place) == 1 else None
    hint = f" ({field.description})" if field is not None and field.description else ""
    return f"is missing{hint}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value) if isinstance(value, bool | int | float) else f"“{value}”"
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…”"


def _number(value: Any) -> str:
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value)


def _known_fields(whole: Any, place: Place) -> list[str]:
    """The fields that may stand at a place."""
    model = _model_at(whole, place)
    return list(model.model_fields) if model is not None else []


def _model_at(whole: Any, place: Place) -> type[BaseModel] | None:
    """The model of the mapping at a place; load shapes by their own ``type``."""
    model: type[BaseModel] | None = TestScenario
    value = whole
    for part in place:
        value = _child(value, part)
        if isinstance(part, int):
            model = None
        elif model is not None:
            field = model.model_fields.get(part)
            model = _model_in(field.annotation) if field is not None else None
        if model is None and isinstance(value, Mapping):
            model = _kinds(place)[1].get(str(value.get("type")))
    return model


def _child(value: Any, part: int | str) -> Any:
    if isinstance(value, Mapping):
        return value.get(str(part))
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The one model that an annotation names; None for unions of several."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def _refuse_flags(document: Document, value: Any, place: Place, model: Any) -> None:
    """Note every yes/no that stands where a number is due: ``on`` would quietly become 1."""
    if isinstance(value, Mapping):
        if model is None or model is NoneType:
            model = _kinds(place)[1].get(str(value.get("type")))
        for key, child in value.items():
            field = model.model_fields.get(key) if model is not None else None
            kind = field.annotation if field is not None else None
            inner = (*place, key)
            if isinstance(child, bool) and kind is not None and _numeric(kind):
                document.report(inner, f"must be a number, not {str(child).lower()}")
            _refuse_flags(document, child, inner, _model_in(kind))
    elif isinstance(value, list):
        for position, child in enumerate(value):
            _refuse_flags(document, child, (*place, position), None)


def _numeric(annotation: Any) -> bool:
    """Whether a field takes numbers and nothing but numbers (or None)."""
    if get_origin(annotation) is Annotated:
        return _numeric(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return all(kind is NoneType or _numeric(kind) for kind in get_args(annotation))
    return annotation in (int, float)
