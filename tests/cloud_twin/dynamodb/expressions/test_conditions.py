"""Conditions against a plain Python reading of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_twin.errors import AwsError
from cloud_twin.services.dynamodb.attribute_values import measure_item
from cloud_twin.services.dynamodb.expressions.binding import ExpressionCache, bind
from cloud_twin.services.dynamodb.expressions.conditions import check_types, holds
from cloud_twin.services.dynamodb.expressions.tree import Kind

CACHE = ExpressionCache()
Plain = int | str | None
given_values: st.SearchStrategy[int | str] = st.one_of(
    st.integers(-3, 3), st.sampled_from(["", "a", "ab", "b"])
)
plain: st.SearchStrategy[Plain] = st.none() | given_values
plain_items = st.fixed_dictionaries({"p": plain, "q": plain, "s": plain})


def typed(value: int | str) -> dict[str, str]:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def evaluate(
    text: str, item: dict[str, Any], values: dict[str, Any], names: dict[str, str] | None = None
) -> bool:
    parsed = CACHE.get(Kind.CONDITION, text)
    parameters: dict[str, Any] = {}
    if values:
        parameters["ExpressionAttributeValues"] = values
    if names:
        parameters["ExpressionAttributeNames"] = {f"#{n}": meant for n, meant in names.items()}
    measure_item(item)
    bindings = bind(parameters, (parsed,))
    check_types(Kind.CONDITION, parsed.root, bindings)  # type: ignore[arg-type]
    return holds(parsed.root, item, bindings)  # type: ignore[arg-type]


class Built:
    """A condition as text, as a Python function of a plain item, and its values."""

    def __init__(self, text: str, truth: Any, values: tuple[int | str, ...] = ()) -> None:
        self.text = text
        self.truth = truth
        self.values = values


def ordered(operator: str, left: Plain, right: Plain) -> bool:
    if left is None or right is None or type(left) is not type(right):
        return operator == "<>" and (left is not None or right is not None)
    return {
        "=": left == right,
        "<>": left != right,
        "<": left < right,  # type: ignore[operator]
        "<=": left <= right,  # type: ignore[operator]
        ">": left > right,  # type: ignore[operator]
        ">=": left >= right,  # type: ignore[operator]
    }[operator]


@st.composite
def single_tests(draw: st.DrawFn) -> Built:
    name = draw(st.sampled_from("pqs"))
    other = draw(st.sampled_from([one for one in "pqs" if one != name]))
    value = draw(given_values)
    kind = draw(st.integers(0, 6))
    operator = draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]))
    if kind == 0:
        return Built(f"{name} {operator} {other}", lambda i: ordered(operator, i[name], i[other]))
    if kind == 1:
        return Built(f"{name} {operator} ?", lambda i: ordered(operator, i[name], value), (value,))
    if kind == 2:
        return Built(f"attribute_exists({name})", lambda i: i[name] is not None)
    if kind == 3:
        return Built(f"attribute_not_exists({name})", lambda i: i[name] is None)
    if kind == 4:
        prefix = str(value)
        return Built(
            f"begins_with({name}, ?)",
            lambda i: isinstance(i[name], str) and i[name].startswith(prefix),
            (prefix,),
        )
    if kind == 5:
        choices = draw(st.lists(given_values, min_size=1, max_size=3))
        marks = ", ".join("?" for _ in choices)
        return Built(
            f"{name} IN ({marks})",
            lambda i: any(ordered("=", i[name], one) for one in choices),
            tuple(choices),
        )
    low, high = sorted(draw(st.tuples(st.integers(-3, 3), st.integers(-3, 3))))
    return Built(
        f"{name} BETWEEN ? AND ?",
        lambda i: isinstance(i[name], int) and low <= i[name] <= high,
        (low, high),
    )


def _join(word: str) -> Any:
    def joined(pair: tuple[Built, Built]) -> Built:
        one, two = pair
        either = word == "OR"
        return Built(
            f"({one.text}) {word} ({two.text})",
            lambda i: (one.truth(i) or two.truth(i)) if either else one.truth(i) and two.truth(i),
            one.values + two.values,
        )

    return joined


conditions = st.recursive(
    single_tests(),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(_join("AND")),
        st.tuples(inner, inner).map(_join("OR")),
        inner.map(lambda one: Built(f"NOT ({one.text})", lambda i: not one.truth(i), one.values)),
    ),
    max_leaves=5,
)


@given(conditions, plain_items)
def test_conditions_mean_what_python_means(built: Built, item: dict[str, Plain]) -> None:
    text, values = built.text, {}
    for at, value in enumerate(built.values):
        text = text.replace("?", f":v{at}", 1)
        values[f":v{at}"] = typed(value)
    present = {name: typed(value) for name, value in item.items() if value is not None}
    assert evaluate(text, present, values) == bool(built.truth(item))


ITEM: dict[str, Any] = {
    "text": {"S": "héllo"},
    "number": {"N": "10"},
    "data": {"B": "AAEC"},
    "flag": {"BOOL": True},
    "tags": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
    "list": {"L": [{"S": "x"}, {"M": {"deep": {"N": "5"}}}]},
    "map": {"M": {"a b": {"S": "y"}, "nest": {"M": {"twig": {"N": "1"}}}}},
}


@pytest.mark.parametrize(
    ("text", "values", "names", "truth"),
    [
        ("size(#text) = :v", {":v": {"N": "6"}}, {"text": "text"}, True),
        ("size(tags) = :v", {":v": {"N": "2"}}, {}, True),
        ("size(#data) = :v", {":v": {"N": "3"}}, {"data": "data"}, True),
        ("size(#number) > :v", {":v": {"N": "0"}}, {"number": "number"}, False),
        ("contains(tags, :v)", {":v": {"S": "a"}}, {}, True),
        ("contains(tags, :v)", {":v": {"N": "1"}}, {}, False),
        ("contains(numbers, :v)", {":v": {"N": "2.0"}}, {}, True),
        ("contains(#l, :v)", {":v": {"S": "x"}}, {"l": "list"}, True),
        ("contains(#text, :v)", {":v": {"S": "éll"}}, {"text": "text"}, True),
        ("attribute_type(#m, :v)", {":v": {"S": "M"}}, {"m": "map"}, True),
        ("#l[1].deep = :v", {":v": {"N": "5"}}, {"l": "list"}, True),
        ("#l[9].deep = :v", {":v": {"N": "5"}}, {"l": "list"}, False),
        ("#m.#ab = :v", {":v": {"S": "y"}}, {"m": "map", "ab": "a b"}, True),
        ("attribute_exists(#m.nest.twig)", {}, {"m": "map"}, True),
        ("attribute_exists(#m.nest.twig.absent)", {}, {"m": "map"}, False),
        ("begins_with(#d, :v)", {":v": {"B": "AAE="}}, {"d": "data"}, True),
        ("tags = :v", {":v": {"SS": ["b", "a"]}}, {}, True),
        ("flag = :v", {":v": {"BOOL": True}}, {}, True),
        ("absent <> :v", {":v": {"S": ""}}, {}, True),
        ("NOT absent = :v and flag = :t", {":v": {"S": ""}, ":t": {"BOOL": True}}, {}, True),
        ("flag=:f OR flag=:t AND flag=:t", {":f": {"BOOL": False}, ":t": {"BOOL": True}}, {}, True),
    ],
)
def test_functions_and_paths(
    text: str, values: dict[str, Any], names: dict[str, str], truth: bool
) -> None:
    assert evaluate(text, dict(ITEM), values, names) is truth


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("a =", {}, 'Syntax error; token: "<EOF>", near: "="'),
        ("a = = :v", {}, 'Syntax error; token: "=", near: "= = :v"'),
        ("a ! :v", {}, 'Syntax error; token: "!"'),
        ("a", {}, 'Syntax error; token: "<EOF>"'),
        ("(a = :v", {":v": {"S": ""}}, 'Syntax error; token: "<EOF>"'),
        ("a[x] = :v", {}, 'Syntax error; token: "x"'),
        ("  ", {}, "The expression can not be empty;"),
        ("status = :v", {":v": {"S": ""}}, "reserved keyword; reserved keyword: status"),
        ("unknown(a)", {}, "Invalid function name; function: unknown"),
        ("begins_with(a)", {}, "Incorrect number of operands for operator or function; "),
        ("attribute_exists(:v)", {":v": {"S": ""}}, "requires a document path"),
        ("a = if_not_exists(b, :v)", {":v": {"S": ""}}, "not allowed to be used this way"),
        ("a = a", {}, "The first operand must be distinct from the remaining operands"),
        ("a = :v", {}, "An expression attribute value used in expression is not defined"),
        ("#a = :v", {":v": {"S": ""}}, "An expression attribute name used in the document path"),
        ("a = :v", {":v": {"S": ""}, ":w": {"S": ""}}, "unused in expressions: keys: {:w}"),
        ("a = :v", {":v": {"N": "x"}}, "cannot be converted to a numeric value"),
        ("a < :v", {":v": {"BOOL": True}}, "Incorrect operand type for operator or function"),
        ("begins_with(a, :v)", {":v": {"N": "1"}}, "operand type: N"),
        ("attribute_type(a, :v)", {":v": {"S": "Q"}}, "Invalid attribute type name found"),
        (
            "a BETWEEN :x AND :y",
            {":x": {"N": "2"}, ":y": {"N": "1"}},
            "requires upper bound to be greater than or equal to lower bound",
        ),
        ("a = :v" + " " * 4096, {":v": {"S": ""}}, "Expression size has exceeded"),
    ],
)
def test_wrong_expressions_are_refused_in_awss_words(
    text: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(AwsError) as caught:
        evaluate(text, {}, values)
    assert caught.value.code == "ValidationException"
    assert message in caught.value.message


def test_the_cache_keeps_expressions_and_is_bounded() -> None:
    cache = ExpressionCache(limit=2)
    first = cache.get(Kind.CONDITION, "attribute_exists(a)")
    assert cache.get(Kind.CONDITION, "attribute_exists(a)") is first
    for name in "bcd":
        cache.get(Kind.CONDITION, f"attribute_exists({name})")
    assert cache.get(Kind.CONDITION, "attribute_exists(a)") is not first
