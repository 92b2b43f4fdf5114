from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_twin.errors import AwsError
from cloud_twin.services.dynamodb import number


@st.composite
def decimals(draw: st.DrawFn) -> Decimal:
    digits = draw(st.integers(0, 10**38 - 1))
    exponent = draw(st.integers(-130, 125 - 37))
    sign = draw(st.sampled_from((1, -1)))
    return Decimal(sign * digits).scaleb(exponent, context=number._EXACT)


def forms(value: Decimal) -> list[str]:
    return [format(value, "f"), format(value, "e"), str(value)]


@given(decimals())
def test_a_number_keeps_its_value_and_has_one_text(value: Decimal) -> None:
    texts = {number.canonical(form) for form in forms(value)}
    assert len(texts) == 1
    text = texts.pop()
    assert Decimal(text) == value
    assert number.canonical(text) == text
    assert "e" not in text.lower()


@given(decimals(), decimals())
def test_sort_keys_are_ordered_as_the_numbers_are(one: Decimal, two: Decimal) -> None:
    first, second = (number.sort_key(number.canonical(str(value))) for value in (one, two))
    assert (first < second) == (one < two)
    assert (first == second) == (one == two)


@given(st.integers(-(10**30), 10**30), st.integers(-(10**30), 10**30))
def test_sums_and_differences_are_exact(one: int, two: int) -> None:
    assert number.add(str(one), str(two)) == str(one + two)
    assert number.subtract(str(one), str(two)) == str(one - two)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0e9999", "0"),
        ("00012", "12"),
        ("+5", "5"),
        ("1.50", "1.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        ("-12.0e1", "-120"),
        ("1" * 38, "1" * 38),
        ("9" * 38 + "0" * 88, "9" * 38 + "0" * 88),
    ],
)
def test_canonical_texts(text: str, canonical: str) -> None:
    assert number.canonical(text) == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The parameter cannot be converted to a numeric value"),
        ("x", "The parameter cannot be converted to a numeric value: x"),
        ("NaN", "The parameter cannot be converted to a numeric value: NaN"),
        ("1 ", "The parameter cannot be converted to a numeric value: 1 "),
        ("١", "The parameter cannot be converted to a numeric value: ١"),
        ("1" * 39, "Attempting to store more than 38 significant digits in a Number"),
        ("1e126", "Number overflow"),
        ("1e-131", "Number underflow"),
        ("1e99999999999999999999999", "Number overflow"),
        ("1e-99999999999999999999999", "Number underflow"),
    ],
)
def test_what_is_no_number_is_refused(text: str, message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        number.canonical(text)
    assert caught.value.code == "ValidationException"


@pytest.mark.parametrize(
    ("text", "size"), [("0", 1), ("7", 2), ("42", 2), ("123", 3), ("1000", 2), ("-0.05", 2)]
)
def test_a_number_takes_a_byte_for_two_digits_and_one_more(text: str, size: int) -> None:
    assert number.size_bytes(text) == size
