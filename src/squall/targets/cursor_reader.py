"""Reads a target's own records page by page, each answer naming the next page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

import orjson

from squall.errors import TargetProtocolError
from squall.load_generator.engine.answer import Answer
from squall.load_generator.reconcile import DecisionPage
from squall.targets.answers import at_path, parse_path
from squall.targets.http_client import HttpClient
from squall.targets.target_file import SeenPart

MAX_PAGES = 1_000_000
MAX_EMPTY_PAGES = 1_000
"""In a row. Some stores give empty pages while they search; none gives this many."""
_ERROR_TEXT = 120
_INT64 = range(-(2**63), 2**63)


class CursorReader:
    """A ``DecisionReader`` for services that list their records by cursor."""

    def __init__(self, client: HttpClient, seen: SeenPart, run_tag: str) -> None:
        self._client = client
        self._seen = seen
        self._run_tag = run_tag

    async def pages(self) -> AsyncIterator[DecisionPage]:
        """All records.

        Raises:
            TargetUnreachable: the target does not answer.
            TargetProtocolError: its answer is not what the target file says, or its cursors
                never end.
        """
        cursor = self._seen.first_cursor
        landmark = cursor  # Brent's cycle detection: a circle of cursors comes by it again
        empty = 0
        try:
            for number in range(1, MAX_PAGES + 1):
                document = await self._page(cursor)
                page = self._read(document)
                yield page
                following = self._next_cursor(document)
                if following is None or (following == cursor and not page.ids):
                    return
                empty = 0 if page.ids else empty + 1
                if following in (cursor, landmark) or empty > MAX_EMPTY_PAGES:
                    break
                if number & (number - 1) == 0:
                    landmark = following
                cursor = following
            raise TargetProtocolError(
                f"seen: the pages never end: after {number:,} of them {self._seen.next_cursor} "
                f"still says “{following}”; at the end it must be null, empty or missing"
            )
        finally:
            await self._client.close()

    async def _page(self, cursor: str) -> object:
        path = self._seen.path.replace("${run_tag}", quote(self._run_tag, safe=""))
        path = path.replace("${cursor}", quote(cursor, safe=""))
        answer = await self._client.get(path)
        if answer.status != 200:
            raise TargetProtocolError(f"seen: {describe_refusal(path, answer)}")
        try:
            document: object = orjson.loads(answer.body)
        except ValueError as error:
            raise TargetProtocolError(
                f"seen: {path} did not answer with JSON: {excerpt(answer.body)}"
            ) from error
        return document

    def _next_cursor(self, document: object) -> str | None:
        if self._seen.next_cursor is None:
            return None
        following = at_path(document, parse_path(self._seen.next_cursor))
        if following is None or following is False or following == "":
            return None
        if isinstance(following, bool) or not isinstance(following, str | int):
            raise TargetProtocolError(
                f"seen: {self._seen.next_cursor} is neither text nor a whole number: {following}"
            )
        return str(following)

    def _read(self, document: object) -> DecisionPage:
        seen = self._seen
        items = at_path(document, parse_path(seen.items)) if seen.items else document
        if not isinstance(items, list):
            place = f"at {seen.items}" if seen.items else "at the top; say where it is with items"
            raise TargetProtocolError(f"seen: there is no list {place}")
        id_path = parse_path(seen.id) if seen.id else ()
        ids = [at_path(item, id_path) for item in items]
        if not all(isinstance(wire_id, str) for wire_id in ids):
            place = f"has no text at {seen.id}" if seen.id else "is no text; say where its id is"
            raise TargetProtocolError(f"seen: an item {place}")
        if seen.amount is None:
            return DecisionPage([str(wire_id) for wire_id in ids])
        amount_path = parse_path(seen.amount)
        amounts = [
            amount
            for amount in (at_path(item, amount_path) for item in items)
            if isinstance(amount, int) and not isinstance(amount, bool) and amount in _INT64
        ]
        if len(amounts) != len(ids):
            raise TargetProtocolError(f"seen: an item has no whole number at {seen.amount}")
        return DecisionPage([str(wire_id) for wire_id in ids], amounts)


def describe_refusal(path: str, answer: Answer) -> str:
    """What a path answered instead of what was asked for."""
    if 300 <= answer.status < 400:
        return (
            f"{path} answered {answer.status}, a redirect to {answer.location or 'nowhere'}; "
            "squall follows none: give the final address"
        )
    return f"{path} answered {answer.status}: {excerpt(answer.body)}"


def excerpt(body: bytes) -> str:
    """The start of a body on one line, for a message."""
    text = " ".join(body[: 4 * _ERROR_TEXT].decode("utf-8", "replace").split())
    return (text if len(text) <= _ERROR_TEXT else text[:_ERROR_TEXT] + "…") or "(empty)"
