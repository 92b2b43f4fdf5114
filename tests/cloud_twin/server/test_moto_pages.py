"""moto's pages as errors of AWS's."""

from __future__ import annotations

import pytest

from cloud_twin.errors import AwsError
from cloud_twin.server.moto_http import UNSERVED, MotoAnswer
from cloud_twin.server.moto_pages import refuse_pages
from cloud_twin.server.request import Request

REST = Request("GET", "/things")
FORM = Request("POST", "/", "", {"content-type": "application/x-www-form-urlencoded"}, b"Action=Do")
TARGET = Request("POST", "/", "", {"x-amz-target": "Things_1.Do"})
RPC = Request("POST", "/service/Things/operation/Do", "", {"smithy-protocol": "rpc-v2-cbor"})
HTML = {"content-type": "text/html; charset=utf-8"}
PAGE = b"<!doctype html>\n<html lang=en>"

REFUSED = [
    (REST, 501, {UNSERVED: "operation"}, b"no do", "NotImplemented", 501, "GET /things: no do"),
    (FORM, 501, {UNSERVED: "service"}, b"no such", "NotImplemented", 501, "Do: no such"),
    (REST, 404, HTML, PAGE, "UnknownOperationException", 404, "GET /things"),
    (REST, 405, HTML, PAGE, "UnknownOperationException", 404, "GET /things"),
    (REST, 404, HTML, b"", "UnknownOperationException", 404, "GET /things"),
    (TARGET, 404, HTML, PAGE, "UnknownOperationException", 400, "Things_1.Do"),
    (RPC, 404, HTML, PAGE, "UnknownOperationException", 400, ": Do$"),
    (FORM, 404, HTML, PAGE, "InvalidAction", 400, "operation Do"),
    (REST, 400, HTML, PAGE, "NotImplemented", 501, "answered 400"),
    (REST, 500, HTML, PAGE, "InternalFailure", 500, "the twin's log"),
]


@pytest.mark.parametrize(
    ("request_", "status", "headers", "body", "code", "told", "message"), REFUSED
)
def test_a_page_becomes_an_error(
    request_: Request,
    status: int,
    headers: dict[str, str],
    body: bytes,
    code: str,
    told: int,
    message: str,
) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        refuse_pages(request_, MotoAnswer(status, headers, body))
    assert (caught.value.code, caught.value.status) == (code, told)


@pytest.mark.parametrize(
    ("request_", "status", "headers", "body"),
    [
        (REST, 200, HTML, PAGE),
        (REST, 404, HTML, b'{"message": "no such thing"}'),
        (FORM, 404, HTML, b"<ErrorResponse><Error/></ErrorResponse>"),
        (Request("HEAD", "/b"), 404, HTML, b""),
        (REST, 500, {"content-type": "application/json"}, b"{}"),
        (REST, 501, {}, b"<Error/>"),
    ],
)
def test_a_services_own_answer_passes(
    request_: Request, status: int, headers: dict[str, str], body: bytes
) -> None:
    refuse_pages(request_, MotoAnswer(status, headers, body))
