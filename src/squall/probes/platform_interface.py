"""The reference platform's HTTP interface, as probes use it (docs/platform-api.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple
from urllib.parse import quote

import orjson

from squall.errors import ConfigurationError, TargetProtocolError
from squall.load_generator.target_spec import Endpoint
from squall.targets.cursor_reader import describe_refusal
from squall.targets.http_client import HttpClient
from squall.targets.installation import Installation

_PAGE = 10_000


class LoggedDecision(NamedTuple):
    """One row of the platform's decision log. ``amount``: minor units."""

    wire_id: str
    decision: str
    amount: int


def platform_endpoint(installation: Installation, probe: str) -> Endpoint:
    """Where the platform answers.

    Raises:
        ConfigurationError: the target is not the reference platform, or its place is not known.
    """
    if installation.platform_url is None:
        raise ConfigurationError(
            f"probe {probe} needs the reference platform: use --target stream or inline, the URL "
            "of one, a target file with its url, or agents= of a stream or function"
        )
    return Endpoint.of_url(installation.platform_url)


def customer_path(user: str) -> str:
    """The path that asks for what is remembered of a customer."""
    return f"/v1/customers/{quote(user, safe='')}"


async def decision_log(client: HttpClient, run_tag: str) -> AsyncIterator[list[LoggedDecision]]:
    """Everything that the platform decided in a run, page by page.

    Raises:
        TargetUnreachable: it does not answer.
        TargetProtocolError: it answers as no such platform does.
    """
    cursor: object = 0
    while cursor is not None:
        path = f"/v1/decisions?run={quote(run_tag, safe='')}&limit={_PAGE}"
        path += f"&cursor={quote(str(cursor), safe='')}"
        answer = await client.get(path)
        if answer.status != 200:
            raise TargetProtocolError(describe_refusal(path, answer))
        try:
            page = orjson.loads(answer.body)
            yield [
                LoggedDecision(row["transaction_id"], row["decision"], row["amount"])
                for row in page["items"]
            ]
            cursor = page["next_cursor"]
        except (ValueError, KeyError, TypeError) as error:
            raise TargetProtocolError(f"{path} is not the platform's decision log") from error
