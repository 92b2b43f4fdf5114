"""Content codings taken off: aws-chunked with and without trailers, gzip."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_twin.server import bodies
from cloud_twin.server.bodies import BadBody, split_chunks, unpack
from cloud_twin.server.request import Request


def coded(data: bytes, size: int, extension: str = "", trailer: str = "") -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    text = b"".join(f"{len(piece):x}{extension}\r\n".encode() + piece + b"\r\n" for piece in pieces)
    return text + f"0{extension}\r\n{trailer}\r\n".encode()


@given(data=st.binary(max_size=500), size=st.integers(1, 600), signed=st.booleans())
def test_chunks_are_put_together(data: bytes, size: int, signed: bool) -> None:
    extension = ";chunk-signature=" + "a" * 64 if signed else ""
    assert split_chunks(coded(data, size, extension)) == (data, {})


def test_trailers_become_headers_and_the_coding_is_gone() -> None:
    request = Request(
        "PUT",
        "/b/k",
        headers={
            "content-encoding": "aws-chunked,gzip",
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length": "5",
        },
        body=coded(b"hello", 3, trailer="x-amz-checksum-crc32:NhCmhg==\r\n"),
    )
    unpack(request)
    assert request.body == b"hello"
    assert request.headers["x-amz-checksum-crc32"] == "NhCmhg=="
    assert request.headers["content-encoding"] == "gzip"  # of the object, not of the request
    assert request.headers["content-length"] == "5"


@pytest.mark.parametrize(
    "body",
    [b"", b"5\r\nhel", b"zz\r\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n", b"3\r\nhello\r\n0\r\n\r\n"],
)
def test_broken_chunks_are_refused(body: bytes) -> None:
    with pytest.raises(BadBody):
        split_chunks(body)


def test_a_wrong_decoded_length_is_refused() -> None:
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "6",
    }
    with pytest.raises(BadBody, match="is 6, the chunks hold 5"):
        unpack(Request("PUT", "/b/k", headers=headers, body=coded(b"hello", 9)))


def test_gzip_is_unpacked() -> None:
    request = Request("POST", "/", headers={"content-encoding": "gzip"}, body=gzip.compress(b"x=1"))
    unpack(request)
    assert request.body == b"x=1"
    assert "content-encoding" not in request.headers


def test_the_coding_of_an_object_stays() -> None:
    packed = gzip.compress(b"x")
    headers = {"content-encoding": "gzip", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    request = Request("PUT", "/b/k", headers=headers, body=packed)
    unpack(request)
    assert request.body == packed


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"x" * 100)[:-9]])
def test_broken_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(BadBody):
        unpack(Request("POST", "/", headers={"content-encoding": "gzip"}, body=body))


def test_a_small_body_cannot_become_a_huge_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "UNPACKED_LIMIT_BYTES", 1000)
    packing = zlib.compressobj(wbits=31)
    body = packing.compress(b"\0" * 100_000) + packing.flush()
    with pytest.raises(BadBody, match="more than 1000 bytes"):
        unpack(Request("POST", "/", headers={"content-encoding": "gzip"}, body=body))
