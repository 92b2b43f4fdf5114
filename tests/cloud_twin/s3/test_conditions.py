"""Ranges and conditions."""

from __future__ import annotations

import pytest

from cloud_twin.errors import AwsError
from cloud_twin.services.s3.buckets import StoredObject
from cloud_twin.services.s3.conditions import byte_range, check_read, check_write

STORED = StoredObject("k", b"0123456789", 10, '"tag"', 1_000_000_000.5, {}, {})
AT, EARLIER, LATER = (f"Sun, 09 Sep 2001 01:46:{second} GMT" for second in ("40", "39", "41"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, None),
        ("bytes=0-3", (0, 4)),
        ("bytes=4-", (4, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("bytes=8-100", (8, 10)),
        ("bytes=5-2", None),
        ("bytes=1-2,4-5", None),
        ("items=1-2", None),
        ("bytes=-", None),
    ],
)
def test_ranges(text: str | None, wanted: tuple[int, int] | None) -> None:
    assert byte_range(text, 10) == wanted


@pytest.mark.parametrize("text", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_ranges_outside_the_object(text: str) -> None:
    with pytest.raises(AwsError) as refused:
        byte_range(text, 10)
    assert (refused.value.code, refused.value.status) == ("InvalidRange", 416)


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({}, True),
        ({"if-match": '"tag"'}, True),
        ({"if-match": "tag"}, True),
        ({"if-match": "*"}, True),
        ({"if-match": '"other"'}, None),
        ({"if-none-match": '"tag"'}, False),
        ({"if-none-match": '"other", "tag"'}, False),
        ({"if-none-match": '"other"'}, True),
        ({"if-modified-since": AT}, False),
        ({"if-modified-since": EARLIER}, True),
        ({"if-unmodified-since": AT}, True),
        ({"if-unmodified-since": LATER}, True),
        ({"if-unmodified-since": EARLIER}, None),
        ({"if-modified-since": "yesterday"}, True),
        ({"if-match": '"tag"', "if-unmodified-since": EARLIER}, True),
        ({"if-none-match": '"other"', "if-modified-since": AT}, True),
    ],
)
def test_reads(headers: dict[str, str], wanted: bool | None) -> None:
    """None: the precondition failed. A copy knows no 304."""
    source = {f"x-amz-copy-source-{name}": value for name, value in headers.items()}
    if wanted is None:
        with pytest.raises(AwsError, match="PreconditionFailed"):
            check_read(headers, STORED)
    else:
        assert check_read(headers, STORED) is wanted
    if wanted:
        assert check_read(source, STORED, "x-amz-copy-source-")
    else:
        with pytest.raises(AwsError, match="PreconditionFailed"):
            check_read(source, STORED, "x-amz-copy-source-")


@pytest.mark.parametrize(
    ("headers", "stored", "code"),
    [
        ({"if-none-match": "*"}, None, None),
        ({"if-none-match": "*"}, STORED, "PreconditionFailed"),
        ({"if-none-match": '"tag"'}, None, "NotImplemented"),
        ({"if-match": '"tag"'}, STORED, None),
        ({"if-match": '"other"'}, STORED, "PreconditionFailed"),
        ({"if-match": '"tag"'}, None, "NoSuchKey"),
    ],
)
def test_writes(headers: dict[str, str], stored: StoredObject | None, code: str | None) -> None:
    if code is None:
        check_write(headers, "k", stored)
    else:
        with pytest.raises(AwsError, match=code):
            check_write(headers, "k", stored)
