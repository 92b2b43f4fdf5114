"""Copied columns and single rows make the same requests, and both say what the template says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.targets.batches import Scalar, batch, column, split

from squall.models import Column
from squall.targets.forms import Form
from squall.targets.template import (
    REFERENCE,
    JsonBody,
    JsonValue,
    Piece,
    TemplateWriter,
    TextBody,
    parse_text,
)

FIELDS = ("transaction_id", "code", "amount", "city", "device_id")
START: list[Piece] = [b"POST / HTTP/1.1\r\n"]

PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
REFERENCES = st.sampled_from([f"${{{field}}}" for field in FIELDS])
STRINGS = REFERENCES | st.lists(REFERENCES | st.text(max_size=5), max_size=4).map("".join)
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | STRINGS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, list[Scalar]]:
    """Values of n transactions: two fields of constant length, the others anything."""
    count = draw(st.integers(1, 4))

    def constant_length() -> list[Scalar]:
        width = draw(st.integers(1, 6))
        text = PLAIN.map(lambda value: value.ljust(width, "x")[:width])
        return list(draw(st.lists(text, min_size=count, max_size=count)))

    values = {"transaction_id": constant_length(), "code": constant_length()}
    for field in FIELDS[2:]:
        values[field] = draw(st.lists(SCALARS, min_size=count, max_size=count))
    return values


def columns(values: Mapping[str, list[Scalar]]) -> dict[str, Column]:
    return {field: column(items) for field, items in values.items()}


def plain(value: Scalar) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def filled_in(template: JsonValue, values: Mapping[str, Scalar]) -> JsonValue:
    """What a body template means, said once more and simply."""
    if isinstance(template, str):
        whole = REFERENCE.fullmatch(template)
        if whole:
            return values[whole.group(1)]
        return REFERENCE.sub(lambda found: plain(values[found.group(1)]), template)
    if isinstance(template, dict):
        return {key: filled_in(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [filled_in(item, values) for item in template]
    return template


def check_length(request: bytes | memoryview) -> bytes:
    head, body = split(request)
    assert head.endswith(b"Content-Length: %d\r\n" % len(body))
    return body


@given(template=BODIES, values=rows())
def test_a_json_body_says_what_its_template_says(
    template: JsonValue, values: dict[str, list[Scalar]]
) -> None:
    requests = TemplateWriter(START, JsonBody(template)).write(batch(columns(values)))
    for number, request in enumerate(requests):
        row = {field: items[number] for field, items in values.items()}
        assert json.loads(check_length(request)) == filled_in(template, row)


@given(template=BODIES, values=rows())
def test_copied_columns_and_single_rows_agree(
    template: JsonValue, values: dict[str, list[Scalar]]
) -> None:
    made = batch(columns(values))
    writer = TemplateWriter(
        [
            b"POST /",
            *parse_text("${transaction_id}?c=${code}", Form.PERCENT),
            b" HTTP/1.1\r\nX-Key: ",
            *parse_text("${transaction_id}/${code}", Form.HEADER),
            b"\r\n",
        ],
        JsonBody(template),
    )
    for number, request in enumerate(writer.write(made)):
        by_itself = writer.write_row(made, number)
        assert json.loads(check_length(request)) == json.loads(check_length(by_itself))
        assert split(request)[0].splitlines()[:-1] == split(by_itself)[0].splitlines()[:-1]


@given(
    values=rows(),
    overrides=st.dictionaries(
        st.integers(0, 1),
        st.dictionaries(
            st.sampled_from(["transaction_id", "amount", "city"]),
            st.sampled_from([None, b"NaN", b"-1", b'"another, longer value"', b'""']),
            max_size=2,
        ),
    ),
)
def test_overrides_in_copied_rows_are_those_of_single_rows(
    values: dict[str, list[Scalar]], overrides: dict[int, dict[str, bytes | None]]
) -> None:
    made = columns(values)
    rows_made = len(next(iter(made.values())).json)
    kept = {row: changes for row, changes in overrides.items() if row < rows_made}
    writer = TemplateWriter(
        [b"POST /", *parse_text("${transaction_id}", Form.PERCENT), b" HTTP/1.1\r\n"],
        JsonBody({"id": "${transaction_id}", "list": [1, "${amount}"], "in": {"c": "${city}"}}),
    )
    written_made = batch(made, kept)
    requests = [bytes(request) for request in writer.write(written_made)]
    half = rows_made // 2
    parts = [written_made.rows(0, half), written_made.rows(half, rows_made)]
    in_parts = [check_length(r) for part in parts for r in writer.write(part)]
    unpadded = [check_length(r).replace(b" ", b"") for r in requests]
    assert [body.replace(b" ", b"") for body in in_parts] == unpadded
    for row, request in enumerate(requests):
        by_itself = writer.write_row(written_made, row)
        assert split(request)[0].splitlines()[:-1] == split(by_itself)[0].splitlines()[:-1]
        left, right = check_length(request), check_length(by_itself)
        assert left.replace(b" ", b"") == right.replace(b" ", b"")


@given(
    text=st.lists(REFERENCES | PLAIN, max_size=5).map("".join),
    form=st.sampled_from([Form.TEXT, Form.PERCENT, Form.XML, Form.JSON_TEXT]),
    values=rows(),
)
def test_a_text_body_is_the_same_on_both_ways(
    text: str, form: Form, values: dict[str, list[Scalar]]
) -> None:
    made = batch(columns(values))
    writer = TemplateWriter(START, TextBody(text, form))
    for number, request in enumerate(writer.write(made)):
        check_length(request)
        assert bytes(request) == writer.write_row(made, number)


@given(text=st.lists(REFERENCES | PLAIN, max_size=5).map("".join), values=rows())
def test_a_text_body_says_what_its_template_says(
    text: str, values: dict[str, list[Scalar]]
) -> None:
    requests = TemplateWriter(START, TextBody(text)).write(batch(columns(values)))
    for number, request in enumerate(requests):
        row = {field: items[number] for field, items in values.items()}
        expected = REFERENCE.sub(lambda found, row=row: plain(row[found.group(1)]), text)  # type: ignore[misc]
        assert check_length(request) == expected.encode()


@given(values=rows())
def test_a_value_in_the_path_is_percent_encoded(values: dict[str, list[Scalar]]) -> None:
    start = [b"GET /", *parse_text("${code}/${city}", Form.PERCENT), b" HTTP/1.1\r\n"]
    requests = TemplateWriter(start, TextBody("")).write(batch(columns(values)))
    for number, request in enumerate(requests):
        code, city = (quote(plain(values[field][number]), safe="") for field in ("code", "city"))
        assert bytes(request).startswith(f"GET /{code}/{city} HTTP/1.1\r\n".encode())


@given(values=rows())
def test_no_value_adds_a_header_field(values: dict[str, list[Scalar]]) -> None:
    start = [*START, b"X-A: ", *parse_text("${code} ${city} ${amount}", Form.HEADER), b"\r\n"]
    for request in TemplateWriter(start, TextBody("")).write(batch(columns(values))):
        assert bytes(request).count(b"\r\n") == 4
        assert bytes(request).count(b"\n") == 4


NESTED: JsonValue = {
    "id": "${transaction_id}",
    "amount": "${amount}",
    "in": {"amount": "${amount}", "list": ["${amount}", 1]},
    "said": "${amount} in ${city}",
}
FIXED: dict[str, list[Scalar]] = {
    "transaction_id": ["t-1", "t-2", "t-3"],
    "amount": [5, 10, 1500],
    "city": ["Köln", "Basel", "Prague"],
}


def one_row(override: Mapping[str, bytes | None], template: JsonValue = NESTED) -> bytes:
    made = batch(columns(FIXED), {1: override})
    requests = TemplateWriter(START, JsonBody(template)).write(made)
    plain_ones = TemplateWriter(START, JsonBody(template)).write(batch(columns(FIXED)))
    assert [bytes(r) for r in requests[::2]] == [bytes(r) for r in plain_ones[::2]]
    return check_length(requests[1])


@pytest.mark.parametrize(
    ("override", "body"),
    [
        (
            {"amount": None},
            b'{"id":"t-2","in":{"list":[null,1]},"said":" in Basel"}',
        ),
        (
            {"amount": b"NaN"},
            b'{"id":"t-2","amount":NaN,"in":{"amount":NaN,"list":[NaN,1]},"said":"NaN in Basel"}',
        ),
        (
            {"amount": b"-1", "city": b'"a\\u0000b"'},
            b'{"id":"t-2","amount":-1,"in":{"amount":-1,"list":[-1,1]},"said":"-1 in a\\u0000b"}',
        ),
    ],
)
def test_overrides_in_every_place(override: Mapping[str, bytes | None], body: bytes) -> None:
    assert one_row(override) == body


def test_an_override_may_be_of_any_length() -> None:
    long = b'"' + b"x" * 20_000 + b'"'
    assert len(one_row({"city": long}, {"city": "${city}"})) == 20_011


def test_what_is_left_out_of_the_body_stays_in_the_path_and_header() -> None:
    made = batch(columns(FIXED), {0: {"transaction_id": None}})
    start = [
        *[b"PUT /", *parse_text("${transaction_id}", Form.PERCENT), b" HTTP/1.1\r\nKey: "],
        *[*parse_text("${transaction_id}", Form.HEADER), b"\r\n"],
    ]
    whole = JsonBody({"id": "${transaction_id}", "n": 1})
    first, second, _ = (bytes(r) for r in TemplateWriter(start, whole).write(made))
    assert first == b'PUT /t-1 HTTP/1.1\r\nKey: t-1\r\nContent-Length: 7\r\n\r\n{"n":1}'
    assert second.endswith(b'{"id":"t-2","n":1}')


def test_a_whole_body_that_is_left_out_is_null_and_a_text_loses_it() -> None:
    assert one_row({"amount": None}, "${amount}") == b"null"
    made = batch(columns(FIXED), {1: {"amount": None}})
    writer = TemplateWriter(START, TextBody("a=${amount}&c=${city}", Form.PERCENT))
    assert [check_length(r) for r in writer.write(made)] == [
        b"a=5&c=K%C3%B6ln",
        b"a=&c=Basel",
        b"a=1500&c=Prague",
    ]


def test_batches_of_other_widths_get_layouts_of_their_own() -> None:
    writer = TemplateWriter(START, JsonBody({"a": "${amount}", "t": "x${transaction_id}"}))
    for width in range(1, 600):
        made = batch(columns({"amount": [1, 2], "transaction_id": ["i" * width, "j" * width]}))
        requests = writer.write(made)
        assert json.loads(check_length(requests[1])) == {"a": 2, "t": "x" + "j" * width}


def test_fields_are_those_referred_to() -> None:
    start = [b"GET /", *parse_text("${code}", Form.PERCENT), b" HTTP/1.1\r\n"]
    writer = TemplateWriter(start, JsonBody({"a": ["${amount}", {"b": "x${city}"}], "c": "$city"}))
    assert writer.fields == {"code", "amount", "city"}


def test_an_empty_batch_makes_no_requests() -> None:
    made = batch({"amount": column([1])})
    empty = batch({"amount": Column(made.columns["amount"].json[:0])})
    assert TemplateWriter(START, JsonBody(cast(JsonValue, {"a": "${amount}"}))).write(empty) == []
