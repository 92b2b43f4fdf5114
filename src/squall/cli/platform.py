"""``squall platform``: the reference fraud platform in the foreground."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from squall.cli import foreground
from squall.cli.console import lasting_console
from squall.errors import ConfigurationError
from squall.orchestrator.sessions import ANY_KEYS
from squall.targets.platform import PlatformOptions, PlatformProcess
from squall.targets.platform_history import default_cache_dir
from squall.targets.stream_platform import REGION, StreamOptions, StreamPlatform

DEFAULT_PORT = 8700
LOOK_AT_STREAM = "aws kinesis describe-stream-summary --stream-name transactions"


class Mode(StrEnum):
    """Where transactions are decided."""

    INLINE = "inline"
    STREAM = "stream"


def platform(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on loopback; 0 takes a free one.")
    ] = DEFAULT_PORT,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Keep decisions here; without it they go when the platform ends."),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Processes; all cores when left out. Inline mode."),
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="inline, or stream: on the cloud twin, which is launched too.")
    ] = Mode.INLINE,
    endpoint_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Stream mode: a twin that runs already (squall twin)."),
    ] = None,
) -> None:
    """Run the reference fraud platform until Ctrl-C.

    The first start makes a labelled past and trains a model on it; later ones are quicker.
    """
    cache_dir = default_cache_dir(os.environ)
    console = lasting_console(stderr=True, piped_width=None)
    if mode is Mode.STREAM:
        if processes is not None:
            raise ConfigurationError("--processes: stream mode has its own; leave it out")
        for name, value in ANY_KEYS.items():
            os.environ.setdefault(name, value)
        url = endpoint_url and endpoint_url.rstrip("/")
        stream = StreamOptions(cache_dir, port=port, data_dir=data_dir, endpoint_url=url)
        asyncio.run(serve_stream(stream, console, typer.echo))
        return
    if endpoint_url is not None:
        raise ConfigurationError("--endpoint-url: is for --mode stream")
    inline = PlatformOptions(cache_dir, port=port, data_dir=data_dir, processes=processes)
    asyncio.run(serve(inline, console, typer.echo))


async def serve(options: PlatformOptions, waiting: Console, say: Callable[[str], None]) -> None:
    """Launch the platform and watch it until SIGINT or SIGTERM.

    Raises ``TargetUnreachable`` when it cannot start, or ends by itself.
    """
    await foreground.serve(
        "the fraud platform",
        lambda progress: PlatformProcess(options, progress),
        waiting,
        lambda running: say(announcement(running.base_url, running.log_file, datetime.now(UTC))),
    )


async def serve_stream(
    options: StreamOptions, waiting: Console, say: Callable[[str], None]
) -> None:
    """Launch it in stream mode, with a twin where there is none, and watch it as ``serve`` does."""
    await foreground.serve(
        "the fraud platform",
        lambda progress: StreamPlatform(options, progress),
        waiting,
        lambda running: say(
            stream_announcement(running.url, running.twin_url, running.log_file, datetime.now(UTC))
        ),
    )


def announcement(url: str, log_file: Path, now: datetime) -> str:
    """Where it is, and a request to try it with."""
    return (
        f"The fraud platform is at {url} (Ctrl-C ends it; log: {log_file}).\n"
        f"Send load:  squall run smoke --target {url}\n"
        f"Send one:   {example_request(url, now)}"
    )


def stream_announcement(url: str, twin_url: str, log_file: Path, now: datetime) -> str:
    """Where platform and twin are, and how to load and look at them."""
    return (
        f"The fraud platform is at {url}, on the cloud twin at {twin_url} (Ctrl-C ends it; log:"
        f" {log_file}).\n"
        f"In another terminal:\n{exports(twin_url)}\n"
        f"Load on its stream:  squall run smoke --target '{stream_address(url)}'\n"
        f"Look at it:          {LOOK_AT_STREAM}\n"
        f"Send one and wait:   {example_request(url, now, '?wait=10')}"
    )


def stream_address(url: str) -> str:
    """The platform's streams, table and agents as a target; AWS is where the environment says."""
    return (
        "kinesis://transactions?decisions=kinesis://decisions&table=dynamodb://decisions"
        f"&agents={url}/v1/agents"
    )


def exports(twin_url: str) -> str:
    """Lines for a shell that lead every AWS tool to the twin."""
    return (
        f"  export AWS_ENDPOINT_URL={twin_url} AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}\n"
        "  export AWS_ACCESS_KEY_ID=twin AWS_SECRET_ACCESS_KEY=twin"
    )


def example_request(url: str, now: datetime, query: str = "") -> str:
    """A curl command that asks for one decision."""
    transaction = {
        "transaction_id": "example1-000000000000",
        "type": "purchase",
        "amount": 1250,
        "currency": "EUR",
        "user_id": "user-1",
        "card_id": "card-1",
        "device_id": "device-1",
        "merchant_id": "merchant-1",
        "payee_id": None,
        "merchant_category": "5411",
        "channel": "online",
        "country": "DE",
        "city": "Berlin",
        "latitude": 52.52,
        "longitude": 13.405,
        "billing_country": "DE",
        "ip": "192.0.2.10",
        "timestamp": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
        "account_age_days": 400,
        "card_age_days": 300,
        "device_age_days": 200,
        "cvv": "match",
        "avs": "match",
        "authentication": "three_ds",
        "original_transaction_id": None,
    }
    body = json.dumps(transaction, separators=(",", ":"))
    where = f"'{url}/v1/transactions{query}'" if query else f"{url}/v1/transactions"
    return f"curl -s {where} -H 'Content-Type: application/json' -d '{body}'"
