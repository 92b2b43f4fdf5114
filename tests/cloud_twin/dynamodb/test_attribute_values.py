from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_twin.errors import AwsError
from cloud_twin.services.dynamodb.attribute_values import equal, measure, measure_item

names = st.text(min_size=1, max_size=8)
scalars = st.one_of(
    st.text(max_size=12).map(lambda text: {"S": text}),
    st.integers(-(10**20), 10**20).map(lambda number: {"N": str(number)}),
    st.decimals(-1000, 1000, places=3).map(lambda number: {"N": str(number)}),
    st.binary(max_size=8).map(lambda data: {"B": base64.b64encode(data).decode()}),
    st.booleans().map(lambda truth: {"BOOL": truth}),
    st.just({"NULL": True}),
    st.sets(st.text(max_size=4), min_size=1, max_size=4).map(lambda some: {"SS": sorted(some)}),
    st.sets(st.integers(-99, 99), min_size=1, max_size=4).map(
        lambda some: {"NS": [str(number) for number in some]}
    ),
)
values: st.SearchStrategy[dict[str, Any]] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda elements: {"L": elements}),
        st.dictionaries(names, inner, max_size=4).map(lambda members: {"M": members}),
    ),
    max_leaves=8,
)
items = st.dictionaries(names, values, max_size=6)


def digits(text: str) -> int:
    return len(text.lstrip("-").replace(".", "").strip("0"))


def size_by_the_guide(value: dict[str, Any]) -> int:
    """Written from the developer guide alone: the model that the product is held to."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return -(-digits(content) // 2) + 1
        case "B":
            return len(base64.b64decode(content))
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + size_by_the_guide(element) for element in content)
        case "M":
            return 3 + sum(
                1 + len(name.encode()) + size_by_the_guide(member)
                for name, member in content.items()
            )
        case _:
            return sum(size_by_the_guide({kind[0]: element}) for element in content)


@given(items)
def test_sizes_are_those_of_the_developer_guide(item: dict[str, Any]) -> None:
    expected = sum(len(name.encode()) + size_by_the_guide(value) for name, value in item.items())
    assert measure_item(item) == expected
    assert measure_item(item) == expected  # canonical now, and no other size


@given(values, values)
def test_values_are_equal_to_themselves_and_symmetric(
    one: dict[str, Any], two: dict[str, Any]
) -> None:
    measure(one)
    measure(two)
    assert equal(one, one)
    assert equal(one, two) == equal(two, one)


def test_sets_are_equal_in_any_order() -> None:
    assert equal({"SS": ["a", "b"]}, {"SS": ["b", "a"]})
    assert not equal({"SS": ["a", "b"]}, {"SS": ["a"]})
    assert not equal({"S": "1"}, {"N": "1"})


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ({}, "ValidationException", "Supplied AttributeValue is empty"),
        ({"S": "a", "N": "1"}, "ValidationException", "more than one datatypes set"),
        ({"X": "a"}, "ValidationException", "Supplied AttributeValue is empty"),
        ({"S": 1}, "SerializationException", "expected a string"),
        ({"N": 1}, "SerializationException", "expected a string"),
        ({"BOOL": "true"}, "SerializationException", "Expected a boolean"),
        ({"B": "not base64!"}, "SerializationException", "can not be converted to a Blob"),
        ({"NULL": False}, "ValidationException", "Null attribute value types must have"),
        ({"SS": []}, "ValidationException", "An string set  may not be empty"),
        ({"SS": ["a", "a"]}, "ValidationException", "[a, a] contains duplicates"),
        ({"NS": ["1", "1.0"]}, "ValidationException", "Input collection contains duplicates"),
        ({"L": {}}, "SerializationException", "Expected list or null"),
        ({"M": []}, "SerializationException", "Expected map or null"),
        ("text", "SerializationException", "expected an AttributeValue"),
    ],
)
def test_values_that_cannot_be_are_refused(value: Any, code: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        measure_item({"name": value})
    assert caught.value.code == code
    assert message in caught.value.message


def test_nesting_ends_at_32_levels() -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: dict[str, Any] = {"S": "x"}
        for _ in range(levels):
            value = {"L": [value]}
        return value

    measure(nested(32))
    with pytest.raises(AwsError, match="Nesting Levels have exceeded supported limits"):
        measure(nested(33))
