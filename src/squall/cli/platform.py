"""``squall platform``: the reference fraud platform in the foreground."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from squall.errors import TargetUnreachable
from squall.targets.platform import PlatformOptions, PlatformProcess
from squall.targets.platform_history import default_cache_dir

DEFAULT_PORT = 8700
_WATCH_S = 0.2


def platform(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on loopback; 0 takes a free one.")
    ] = DEFAULT_PORT,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Keep decisions here; without it they go when the platform ends."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes; all cores when left out.")
    ] = None,
) -> None:
    """Run the reference fraud platform until Ctrl-C.

    The first start makes a labelled past and trains a model on it; later ones are quicker.
    """
    options = PlatformOptions(
        cache_dir=default_cache_dir(os.environ),
        port=port,
        data_dir=data_dir,
        processes=processes,
    )
    asyncio.run(serve(options, Console(stderr=True, highlight=False), typer.echo))


async def serve(options: PlatformOptions, waiting: Console, say: Callable[[str], None]) -> None:
    """Launch the platform and watch it until SIGINT or SIGTERM.

    Raises ``TargetUnreachable`` when it cannot start, or ends by itself.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, ended.set)
    try:
        await _serve_until(ended, options, waiting, say)
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _serve_until(
    ended: asyncio.Event, options: PlatformOptions, waiting: Console, say: Callable[[str], None]
) -> None:
    with waiting.status("starting") as status:
        running = await _start(PlatformProcess(options, status.update), ended)
    if running is None:
        return
    try:
        say(announcement(running.base_url, running.log_file, datetime.now(UTC)))
        while running.alive and not ended.is_set():
            await _pause(ended)
        reason = None if ended.is_set() else running.exit_reason()
    finally:
        await running.stop()
    if reason is not None:
        raise TargetUnreachable(f"the fraud platform ended by itself: {reason}")


def announcement(url: str, log_file: Path, now: datetime) -> str:
    """Where it is, and a request to try it with."""
    return (
        f"The fraud platform is at {url} (Ctrl-C ends it; log: {log_file}).\n"
        f"Send load:  squall run smoke --target {url}\n"
        f"Send one:   {example_request(url, now)}"
    )


def example_request(url: str, now: datetime) -> str:
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
    return f"curl -s {url}/v1/transactions -H 'Content-Type: application/json' -d '{body}'"


async def _start(starting: PlatformProcess, ended: asyncio.Event) -> PlatformProcess | None:
    """Start it, unless a signal comes first."""
    start = asyncio.create_task(starting.__aenter__())
    stop = asyncio.create_task(ended.wait())
    await asyncio.wait((start, stop), return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if start.done():
        return start.result()
    start.cancel()
    await asyncio.wait((start,))
    return None


async def _pause(ended: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(ended.wait(), _WATCH_S)
    except TimeoutError:
        return
