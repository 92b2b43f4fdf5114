"""``squall twin``: the cloud twin, a loopback AWS, in the foreground.

It is known by its command line and its ready file only; nothing is imported from it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from squall.cli import foreground
from squall.cli.console import lasting_console
from squall.targets.twin import TwinOptions, TwinProcess

DEFAULT_PORT = 8710


def twin(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on loopback; 0 takes a free one.")
    ] = DEFAULT_PORT,
    seed: Annotated[int, typer.Option(help="Seed of everything the twin draws.")] = 0,
) -> None:
    """Run the cloud twin, a loopback AWS, until Ctrl-C.

    Kinesis, DynamoDB, Lambda, SQS, S3, Bedrock and CloudWatch with AWS's limits and errors.
    """
    options = TwinOptions(port=port, seed=seed)
    asyncio.run(serve(options, lasting_console(stderr=True, piped_width=None), typer.echo))


async def serve(options: TwinOptions, waiting: Console, say: Callable[[str], None]) -> None:
    """Launch the twin and watch it until SIGINT or SIGTERM.

    Raises ``ConfigurationError`` where it refuses to start and ``TargetUnreachable`` where it is
    missing, does not become ready, or ends by itself.
    """
    await foreground.serve(
        "the cloud twin",
        lambda _: TwinProcess(options),
        waiting,
        lambda running: say(announcement(running.url, running.log_file)),
    )


def announcement(url: str, log_file: Path) -> str:
    """Where it is, and how to use it."""
    return (
        f"The cloud twin is at {url} (Ctrl-C ends it; log: {log_file}).\n"
        "In another terminal, for boto3, the AWS command line and everything built on them:\n"
        f"  export AWS_ENDPOINT_URL={url} AWS_DEFAULT_REGION=us-east-1\n"
        "  export AWS_ACCESS_KEY_ID=twin AWS_SECRET_ACCESS_KEY=twin\n"
        "  aws kinesis create-stream --stream-name payments --shard-count 4\n"
        f"Limits:     curl -s {url}/_twin/limits\n"
        f"Usage:      curl -s {url}/_twin/meter\n"
        f"A fault:    curl -s {url}/_twin/faults -d '{example_fault()}'\n"
        f"Start over: curl -s -X POST {url}/_twin/reset"
    )


def example_fault() -> str:
    """A fault plan: for a minute, every tenth write to any stream is throttled."""
    plan = {
        "service": "kinesis",
        "operation": "PutRecords",
        "probability": 0.1,
        "when": "before",
        "error": {"code": "ProvisionedThroughputExceededException"},
        "lease_s": 60,
    }
    return json.dumps(plan)
