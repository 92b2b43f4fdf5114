"""The final read: pages to their end, and one clear message where there is none."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.targets.servers import Respond, http_server, response, target

from squall.errors import TargetError, TargetProtocolError, TargetUnreachable
from squall.load_generator.reconcile import DecisionPage
from squall.targets import DecisionReader
from squall.targets import cursor_reader as cursor_reader_module

SEEN = {
    "path": "/seen?run=${run_tag}&after=${cursor}",
    "items": "items",
    "id": "id",
    "next_cursor": "next",
}
RUN = "k3v9x2ab"


def page(ids: list[str], following: Any, **more: Any) -> dict[str, Any]:
    return {"items": [{"id": wire_id, "amount": 100} for wire_id in ids], "next": following, **more}


def pages_by_cursor(pages: dict[str, Any]) -> Respond:
    """Answers with the page of the cursor asked for."""

    def respond(path: str, fields: dict[str, str]) -> bytes:
        query = parse_qs(urlsplit(path).query)
        assert query["run"] == [RUN]
        return response(200, json.dumps(pages[query["after"][0]]).encode())

    return respond


async def read(port: int, seen: dict[str, Any]) -> list[DecisionPage]:
    reader: DecisionReader | None = target(port, seen=seen).reader(RUN)
    assert reader is not None
    return [one async for one in reader.pages()]


async def failure(respond: Respond, error: type[TargetError], seen: dict[str, Any]) -> str:
    async with http_server(respond) as port:
        with pytest.raises(error) as raised:
            await read(port, seen)
    return str(raised.value)


@pytest.mark.parametrize("end", [None, "", False])
async def test_pages_are_read_to_the_end(end: object) -> None:
    pages = {
        "0": page(["a", "b"], 2),
        "2": page([], "x=/+&"),  # found nothing so far, and a cursor that needs encoding
        "x=/+&": page(["c"], end),
    }
    async with http_server(pages_by_cursor(pages)) as port:
        read_pages = await read(port, SEEN)
    assert [list(one.ids) for one in read_pages] == [["a", "b"], [], ["c"]]
    assert all(one.amounts_minor is None for one in read_pages)


async def test_the_next_cursor_may_be_missing_at_the_end() -> None:
    async with http_server(pages_by_cursor({"0": {"items": [{"id": "a"}]}})) as port:
        assert [list(one.ids) for one in await read(port, SEEN)] == [["a"]]


async def test_a_cursor_that_stays_at_an_empty_page_is_the_end() -> None:
    pages = {"0": page(["a"], "9"), "9": page([], "9")}
    async with http_server(pages_by_cursor(pages)) as port:
        assert [list(one.ids) for one in await read(port, SEEN)] == [["a"], []]


async def test_one_page_that_is_a_list_of_ids() -> None:
    async with http_server(lambda path, fields: response(200, b'["a","b"]')) as port:
        assert await read(port, {"path": "/ids"}) == [DecisionPage(["a", "b"])]


async def test_amounts_are_read_with_the_ids() -> None:
    pages = {"0": page(["a", "b"], None)}
    async with http_server(pages_by_cursor(pages)) as port:
        assert await read(port, {**SEEN, "amount": "amount"}) == [
            DecisionPage(["a", "b"], [100, 100])
        ]


async def test_constant_headers_go_with_it() -> None:
    sent: list[str | None] = []

    def respond(path: str, fields: dict[str, str]) -> bytes:
        sent.append(fields.get("authorization"))
        return response(200, b"[]")

    async with http_server(respond) as port:
        asked = target(
            port,
            seen={"path": "/ids"},
            request={"headers": {"Authorization": "Bearer t", "Key": "${transaction_id}"}},
        ).reader(RUN)
        assert asked is not None
        assert [one async for one in asked.pages()] == [DecisionPage([])]
    assert sent == ["Bearer t"]


def test_without_seen_there_is_nothing_to_read() -> None:
    assert target(80).reader(RUN) is None


ENDLESS = [
    {"0": page(["a"], "0")},
    {"0": page(["a"], "1"), "1": page(["b"], "1")},
    {"0": page(["a"], "1"), "1": page(["b"], "2"), "2": page(["c"], "1")},
    {str(n): page(["a"], n + 1 if n < 40 else 7) for n in range(41)},
]


@pytest.mark.parametrize("pages", ENDLESS)
async def test_cursors_that_go_in_a_circle(pages: dict[str, Any]) -> None:
    message = await failure(pages_by_cursor(pages), TargetProtocolError, SEEN)
    assert message.startswith("seen: the pages never end: after ")
    assert message.endswith("at the end it must be null, empty or missing")


async def test_empty_pages_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor_reader_module, "MAX_EMPTY_PAGES", 20)

    def respond(path: str, fields: dict[str, str]) -> bytes:
        cursor = int(path.rpartition("=")[2])
        return response(200, json.dumps(page([], cursor + 1)).encode())

    message = await failure(respond, TargetProtocolError, SEEN)
    assert message.startswith("seen: the pages never end: after 21 of them next still says “21”")


async def test_more_pages_than_there_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor_reader_module, "MAX_PAGES", 5)

    def respond(path: str, fields: dict[str, str]) -> bytes:
        cursor = int(path.rpartition("=")[2])
        return response(200, json.dumps(page(["a"], cursor + 1)).encode())

    message = await failure(respond, TargetProtocolError, SEEN)
    assert message.startswith("seen: the pages never end: after 5 of them")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "seen: there is no list at items"),
        ({"items": {"id": "a"}}, "seen: there is no list at items"),
        ([], "seen: there is no list at items"),
        ({"items": ["a"]}, "seen: an item has no text at id"),
        ({"items": [{"id": 7}]}, "seen: an item has no text at id"),
        ({"items": [{"id": None}]}, "seen: an item has no text at id"),
        ({"items": [], "next": {}}, "seen: next is neither text nor a whole number: {}"),
        ({"items": [], "next": True}, "seen: next is neither text nor a whole number: True"),
        ({"items": [], "next": 1.5}, "seen: next is neither text nor a whole number: 1.5"),
    ],
)
async def test_pages_of_another_shape(answer: object, message: str) -> None:
    body = json.dumps(answer).encode()
    assert await failure(lambda p, f: response(200, body), TargetProtocolError, SEEN) == message


@pytest.mark.parametrize("amount", [None, "100", 1.5, True, 2**63])
async def test_amounts_of_another_shape(amount: object) -> None:
    body = json.dumps({"items": [{"id": "a", "amount": amount}]}).encode()
    seen = {**SEEN, "amount": "amount"}
    message = await failure(lambda p, f: response(200, body), TargetProtocolError, seen)
    assert message == "seen: an item has no whole number at amount"


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        ({"path": "/s"}, "seen: there is no list at the top; say where it is with items"),
        ({"path": "/s", "items": "items"}, "seen: an item is no text; say where its id is"),
    ],
)
async def test_messages_name_the_key_that_is_left_out(seen: dict[str, Any], message: str) -> None:
    body = b'{"items":[{"id":"a"}]}'
    assert await failure(lambda p, f: response(200, body), TargetProtocolError, seen) == message


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (response(404, b"no such path"), "seen: /s answered 404: no such path"),
        (response(500), "seen: /s answered 500: (empty)"),
        (
            response(302, b"", "Location: /login"),
            "seen: /s answered 302, a redirect to /login; squall follows none: give the final "
            "address",
        ),
        (response(200, b"<html>"), "seen: /s did not answer with JSON: <html>"),
        (response(200), "seen: /s did not answer with JSON: (empty)"),
    ],
)
async def test_http_errors(answer: bytes, message: str) -> None:
    assert await failure(lambda p, f: answer, TargetProtocolError, {"path": "/s"}) == message


async def test_a_target_that_has_gone() -> None:
    async with http_server(lambda path, fields: response(200)) as port:
        pass
    with pytest.raises(TargetUnreachable):
        await read(port, SEEN)
