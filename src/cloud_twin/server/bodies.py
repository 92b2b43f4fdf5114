"""What the body of a request is inside its content coding: gzip, aws-chunked."""

from __future__ import annotations

import zlib

from cloud_twin.server.request import Request

UNPACKED_LIMIT_BYTES = 64 * 1024 * 1024


class BadBody(ValueError):
    """The body is not coded as its headers say; the message says where it breaks."""


def unpack(request: Request) -> None:
    """Take the coding off, in place. Raises ``BadBody``."""
    coding = request.headers.get("content-encoding")
    content = request.headers.get("x-amz-content-sha256", "")
    if content.startswith("STREAMING-"):
        _unpack_chunks(request)
    elif coding is not None and coding.strip().lower() == "gzip" and content == "":
        request.body = _gunzip(request.body)
        del request.headers["content-encoding"]


def _unpack_chunks(request: Request) -> None:
    """aws-chunked: trailers become headers; signatures of chunks are not looked at."""
    headers = request.headers
    body, trailers = split_chunks(request.body)
    declared = headers.get("x-amz-decoded-content-length")
    if declared is not None and declared != str(len(body)):
        raise BadBody(f"x-amz-decoded-content-length is {declared}, the chunks hold {len(body)}")
    request.body = body
    for name, value in trailers.items():
        headers.setdefault(name, value)
    headers["content-length"] = str(len(body))
    coding = headers.get("content-encoding", "")
    rest = [part for part in (part.strip() for part in coding.split(",")) if part]
    rest = [part for part in rest if part.lower() != "aws-chunked"]
    if rest:
        headers["content-encoding"] = ",".join(rest)
    else:
        headers.pop("content-encoding", None)


def split_chunks(body: bytes) -> tuple[bytes, dict[str, str]]:
    """Data and trailers of an aws-chunked body. Raises ``BadBody``."""
    pieces: list[bytes] = []
    position = 0
    while True:
        end = body.find(b"\r\n", position)
        if end < 0:
            raise BadBody(f"a chunk's size is missing at byte {position}")
        size_text = body[position:end].partition(b";")[0].strip()
        try:
            size = int(size_text, 16)
        except ValueError:
            raise BadBody(f"not a chunk's size at byte {position}: {size_text[:20]!r}") from None
        if size < 0:
            raise BadBody(f"a negative chunk size at byte {position}")
        position = end + 2
        if size == 0:
            return b"".join(pieces), _trailers(body[position:])
        pieces.append(body[position : position + size])
        position += size
        if body[position : position + 2] != b"\r\n":
            raise BadBody(f"a chunk does not end at byte {position}")
        position += 2


def _trailers(text: bytes) -> dict[str, str]:
    trailers = {}
    for line in text.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            trailers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
    return trailers


def _gunzip(body: bytes) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacking.decompress(body, UNPACKED_LIMIT_BYTES)
    except zlib.error as error:
        raise BadBody(f"not gzip: {error}") from error
    if unpacking.unconsumed_tail:
        raise BadBody(f"more than {UNPACKED_LIMIT_BYTES} bytes when unpacked")
    if not unpacking.eof:
        raise BadBody("the gzip data ends too early")
    return unpacked
