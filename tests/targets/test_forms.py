import json
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.targets.forms import Form, Verbatim, form_of, written

TEXT = st.text()
RAW = st.binary(max_size=40)


@given(value=TEXT)
def test_a_percent_encoded_value_reads_back_and_has_no_delimiter(value: str) -> None:
    text = written(json.dumps(value).encode(), Form.PERCENT)
    assert unquote_to_bytes(text) == value.encode()
    assert not set(text) & set(b"/?#&=+; \r\n")


@given(raw=RAW | TEXT.map(lambda value: json.dumps(value).encode()))
def test_no_value_can_end_a_header_field(raw: bytes) -> None:
    text = written(raw, Form.HEADER)
    assert all(byte >= 0x20 and byte != 0x7F for byte in text)


@given(raw=RAW | TEXT.map(lambda value: json.dumps(value).encode()))
def test_no_value_can_end_a_path(raw: bytes) -> None:
    assert not set(written(raw, Form.PERCENT)) & set(b"/?# \r\n")


@given(value=st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co"))))
def test_a_value_in_xml_reads_back(value: str) -> None:
    text = written(json.dumps(value).encode(), Form.XML).decode()
    element = ET.fromstring(f'<a b="{text}">{text}</a>')
    assert (element.text or "") == value
    assert element.get("b") == value


@given(value=TEXT, ascii_only=st.booleans())
def test_a_value_inside_a_json_string_reads_back(value: str, ascii_only: bool) -> None:
    text = written(json.dumps(value, ensure_ascii=ascii_only).encode(), Form.JSON_TEXT)
    assert json.loads(b'"<' + text + b'>"') == f"<{value}>"


@pytest.mark.parametrize(
    ("json_text", "form", "expected"),
    [
        (b"null", Form.JSON, b"null"),
        (b"null", Form.TEXT, b""),
        (b"null", Form.PERCENT, b""),
        (b"12.50", Form.TEXT, b"12.50"),
        (b"NaN", Form.JSON, b"NaN"),
        (b"NaN", Form.HEADER, b"NaN"),
        (b"NaN", Form.JSON_TEXT, b"NaN"),
        (b'"caf\xc3\xa9 \\"x\\""', Form.TEXT, b'caf\xc3\xa9 "x"'),
        (b'"caf\xc3\xa9"', Form.PERCENT, b"caf%C3%A9"),
        (b'"..\\/..\\/etc"', Form.PERCENT, b"..%2F..%2Fetc"),
        (b'"a\\r\\nX-Evil: 1"', Form.HEADER, b"a  X-Evil: 1"),
        (b'"unfinished', Form.TEXT, b'"unfinished'),
        (b'"', Form.JSON_TEXT, b'"'),
        (b'"\\ud800"', Form.TEXT, b'"\\ud800"'),
        (b'"<&\'\\"\\u0000"', Form.XML, b"&lt;&amp;&apos;&quot; "),
    ],
)
def test_values_by_form(json_text: bytes, form: Form, expected: bytes) -> None:
    assert written(json_text, form) == expected


@given(value=st.text(st.characters(max_codepoint=300), min_size=1), form=st.sampled_from(Form))
def test_text_is_taken_verbatim_only_where_writing_would_not_change_it(
    value: str, form: Form
) -> None:
    quoted = json.dumps(value, ensure_ascii=False)
    if quoted[1:-1] == value and form is not Form.JSON:  # what a column marked embeddable holds
        matrix = np.frombuffer(value.encode(), np.uint8).reshape(1, -1)
        if Verbatim(frozenset({form})).holds(matrix, form):
            assert written(quoted.encode(), form) == value.encode()


@pytest.mark.parametrize("form", [Form.PERCENT, Form.HEADER, Form.XML])
def test_a_transaction_id_is_verbatim_everywhere(form: Form) -> None:
    matrix = np.frombuffer(b"k3v9x2ab-000000001234", np.uint8).reshape(1, -1)
    assert Verbatim(frozenset({form})).holds(matrix, form)


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("application/json", Form.JSON_TEXT),
        ("Application/JSON; charset=utf-8", Form.JSON_TEXT),
        ("application/vnd.api+json", Form.JSON_TEXT),
        ("application/x-www-form-urlencoded", Form.PERCENT),
        ("text/xml", Form.XML),
        ("application/soap+xml; charset=utf-8", Form.XML),
        ("text/plain", Form.TEXT),
        ("text/csv", Form.TEXT),
    ],
)
def test_form_of_a_content_type(content_type: str, form: Form) -> None:
    assert form_of(content_type) is form
