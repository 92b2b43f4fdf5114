"""Updates against a plain Python reading of them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_twin.errors import AwsError
from cloud_twin.services.dynamodb.expressions.binding import bind
from cloud_twin.services.dynamodb.expressions.parser import parse
from cloud_twin.services.dynamodb.expressions.paths import project
from cloud_twin.services.dynamodb.expressions.tree import Kind
from cloud_twin.services.dynamodb.expressions.updates import update

Model = dict[str, Any]  # int, list of int or set of str by attribute name


def changed(text: str, item: Model, **values: Any) -> Model:
    parsed = parse(Kind.UPDATE, text)
    parameters: dict[str, Any] = {}
    if values:
        parameters["ExpressionAttributeValues"] = {f":{n}": v for n, v in values.items()}
    before = copy.deepcopy(item)
    result = update(parsed.root, item, bind(parameters, (parsed,)), ("id",))  # type: ignore[arg-type]
    assert item == before, "the item as it was must stay as it was"
    return result.item


def typed(value: Any) -> dict[str, Any]:
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, list):
        return {"L": [typed(each) for each in value]}
    return {"SS": sorted(value)}


numbers = st.integers(-5, 5)
lists = st.lists(numbers, max_size=3)
sets = st.sets(st.sampled_from("abcd"), min_size=1, max_size=3)
models = st.fixed_dictionaries({}, optional={"n": numbers, "m": numbers, "l": lists, "s": sets})


@st.composite
def actions(draw: st.DrawFn) -> tuple[str, dict[str, Any], Any]:
    """An expression, its values, and what it does to a model."""
    kind = draw(st.sampled_from(["set", "default", "count", "append", "add", "delete", "remove"]))
    number, some, more = draw(numbers), draw(sets), draw(lists)

    def apply(model: Model) -> Model:
        after = dict(model)
        if kind == "set":
            after["x"] = number
        elif kind == "default":
            after["n"] = model.get("n", number)
        elif kind == "count":
            after["n"] = model.get("n", 0) + number
        elif kind == "append":
            after["l"] = model.get("l", []) + more
        elif kind == "add":
            after["s"] = model.get("s", set()) | some
        elif kind == "delete" and "s" in model:
            after["s"] = model["s"] - some
            if not after["s"]:
                del after["s"]
        elif kind == "remove":
            after.pop("m", None)
        return after

    text, values = {
        "set": ("SET x = :n", {"n": typed(number)}),
        "default": ("SET n = if_not_exists(n, :n)", {"n": typed(number)}),
        "count": ("ADD n :n", {"n": typed(number)}),
        "append": (
            "SET l = list_append(if_not_exists(l, :e), :l)",
            {"e": {"L": []}, "l": typed(more)},
        ),
        "add": ("ADD s :s", {"s": typed(some)}),
        "delete": ("DELETE s :s", {"s": typed(some)}),
        "remove": ("REMOVE m", dict[str, Any]()),
    }[kind]
    return text, values, apply


def plain(item: Model) -> Model:
    def of(value: dict[str, Any]) -> Any:
        if "N" in value:
            return int(value["N"])
        return [of(each) for each in value["L"]] if "L" in value else set(value["SS"])

    return {name: of(value) for name, value in item.items()}


@given(models, st.lists(actions(), min_size=1, max_size=5))
def test_updates_do_what_python_does(model: Model, steps: list[Any]) -> None:
    item = {name: typed(value) for name, value in model.items()}
    for text, values, apply in steps:
        item, model = changed(text, item, **values), apply(model)
        assert plain(item) == model


@pytest.mark.parametrize(
    ("text", "item", "values", "after"),
    [
        (
            "SET a = b, b = a",  # values are those from before
            {"a": {"S": "1"}, "b": {"S": "2"}},
            {},
            {"a": {"S": "2"}, "b": {"S": "1"}},
        ),
        (
            "SET m.x = :v, m.y.z = :v",
            {"m": {"M": {"y": {"M": {}}}}},
            {"v": {"N": "1"}},
            {"m": {"M": {"x": {"N": "1"}, "y": {"M": {"z": {"N": "1"}}}}}},
        ),
        (
            "SET l[1] = :v, l[9] = :w",
            {"l": {"L": [{"N": "0"}, {"N": "0"}]}},
            {"v": {"N": "1"}, "w": {"N": "2"}},
            {"l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]}},
        ),
        (
            "REMOVE l[0], l[2]",
            {"l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}, {"N": "3"}]}},
            {},
            {"l": {"L": [{"N": "1"}, {"N": "3"}]}},
        ),
        (
            "set n = n - :v remove gone add c :v",
            {"n": {"N": "1.5"}, "gone": {"S": ""}},
            {"v": {"N": "0.5"}},
            {"n": {"N": "1"}, "c": {"N": "0.5"}},
        ),
        ("SET n = :v + :v", {}, {"v": {"N": "2"}}, {"n": {"N": "4"}}),
    ],
)
def test_updates_of_documents(text: str, item: Model, values: Model, after: Model) -> None:
    assert changed(text, item, **values) == after


@pytest.mark.parametrize(
    ("text", "item", "values", "message"),
    [
        ("SET a = :v SET b = :v", {}, {"v": {"S": ""}}, 'The "SET" section can only be used once'),
        ("SET a = :v, a = :v", {}, {"v": {"S": ""}}, "Two document paths overlap with each other"),
        ("SET a.b = :v, a = :v", {}, {"v": {"S": ""}}, "path one: [a], path two: [a, b]"),
        ("SET a.b = :v, a[0] = :v", {}, {"v": {"S": ""}}, "Two document paths conflict"),
        ("SET id = :v", {}, {"v": {"S": ""}}, "Cannot update attribute id. This attribute is part"),
        ("SET a.b = :v", {}, {"v": {"S": ""}}, "document path provided in the update expression"),
        ("SET a = b", {}, {}, "refers to an attribute that does not exist in the item"),
        ("SET a = a + :v", {"a": {"S": ""}}, {"v": {"N": "1"}}, "incorrect data type"),
        ("SET a = :w + :v", {}, {"v": {"N": "1"}, "w": {"S": ""}}, "operand type: S"),
        ("ADD a :v", {}, {"v": {"S": ""}}, "operator: ADD, operand type: S"),
        ("ADD a :v", {"a": {"S": ""}}, {"v": {"N": "1"}}, "incorrect data type"),
        ("DELETE a :v", {}, {"v": {"N": "1"}}, "operator: DELETE, operand type: N"),
        ("SET a = list_append(a, :v)", {"a": {"N": "1"}}, {"v": {"L": []}}, "incorrect data type"),
        ("SET a", {}, {}, 'Syntax error; token: "<EOF>"'),
        ("CHANGE a", {}, {}, 'Syntax error; token: "CHANGE"'),
        ("SET a = contains(a, :v)", {}, {"v": {"S": ""}}, "not allowed in an update expression"),
        ("SET a = size(b)", {}, {}, "not allowed in an update expression; function: size"),
    ],
)
def test_wrong_updates_are_refused(text: str, item: Model, values: Model, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        changed(text, item, **values)
    assert message in caught.value.message


def test_projections_cut_out_paths_and_close_lists_up() -> None:
    item: Model = {
        "a": {"S": "1"},
        "l": {"L": [{"N": "0"}, {"N": "1"}, {"M": {"x": {"N": "2"}, "y": {"N": "3"}}}]},
        "m": {"M": {"p": {"S": "q"}, "r": {"S": "s"}}},
    }
    paths = (("l", 2, "x"), ("l", 0), ("m", "r"), ("m", "none"), ("none", "x"))
    assert project(item, paths) == {
        "l": {"L": [{"N": "0"}, {"M": {"x": {"N": "2"}}}]},
        "m": {"M": {"r": {"S": "s"}}},
    }
    assert project(item, (("a",), ("none",))) == {"a": {"S": "1"}}
