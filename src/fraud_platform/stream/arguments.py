"""The command line of stream mode. Nothing here needs AWS libraries."""

from __future__ import annotations

import argparse

MODES = ("inline", "stream")


def add_stream_arguments(serve: argparse.ArgumentParser) -> None:
    """``serve --mode stream`` and what belongs to it."""
    group = serve.add_argument_group("stream mode")
    serve.add_argument(
        "--mode", choices=MODES, default="inline", help="where transactions are decided (inline)"
    )
    add_place(group)
    group.add_argument(
        "--wait", type=float, default=0.0, metavar="S",
        help="wait so long for a decision where a request does not say (0: answer 202 at once)",
    )  # fmt: skip
    group.add_argument(
        "--shards", type=int, default=2, metavar="N", help="of the transactions, when made (2)"
    )
    group.add_argument("--decision-shards", type=int, default=6, metavar="N", help="when made (6)")
    group.add_argument(
        "--table-writes", type=int, default=20_000, metavar="N",
        help="write units a second that tables are warmed up for, when made (20000)",
    )  # fmt: skip
    group.add_argument(
        "--retention-days", type=int, metavar="N",
        help="days after which decisions expire; 0: never (400)",
    )  # fmt: skip
    group.add_argument(
        "--batch-records", type=int, metavar="N",
        help="most records that a function is given at once (64; 512 with second looks)",
    )  # fmt: skip
    group.add_argument(
        "--parallelisation-max", type=int, default=2, metavar="N",
        help="batches of one shard that scaling may let run at once (2)",
    )  # fmt: skip
    group.add_argument("--no-scaling", action="store_true", help="leave scaling to others")
    group.add_argument(
        "--reasoning-model", metavar="ID", help="Bedrock model that reasons about borderline cases"
    )
    group.add_argument(
        "--second-look", type=float, metavar="S",
        help="time for the reasoning, and for the external checks, per batch (0.5)",
    )  # fmt: skip
    group.add_argument("--external-url", metavar="URL", help="where the external checks are")


def add_stream_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    """``resources``, ``audit`` and ``dead-letters``."""
    resources = commands.add_parser("resources", help="make or remove what stream mode uses")
    resources.add_argument("action", choices=("create", "delete"))
    resources.add_argument("--data-dir", metavar="PATH", help="where the model is, to store it")
    resources.add_argument("--model-dir", metavar="PATH", help="or here")
    resources.add_argument("--history", metavar="PATH", help="labelled transactions to learn from")
    resources.add_argument(
        "--block-list", metavar="PATH", help="blocked parties and countries (JSON), to store them"
    )
    resources.add_argument("--shards", type=int, default=2, metavar="N", help="(2)")
    resources.add_argument("--decision-shards", type=int, default=6, metavar="N", help="(6)")
    audit = commands.add_parser("audit", help="check the audit trail")
    audit.add_argument("action", choices=("verify",))
    audit.add_argument(
        "--run", metavar="TAG", help="and look for every recorded decision of this run in it"
    )
    letters = commands.add_parser("dead-letters", help="what could not be decided")
    letters.add_argument("action", choices=("list", "redrive"))
    letters.add_argument("--most", type=int, default=1_000, metavar="N", help="messages (1000)")
    for command in (resources, audit, letters):
        add_place(command)
        command.add_argument("--json", metavar="FILE", help="write the result there as well")


def add_place(command: argparse._ActionsContainer) -> None:
    """Where AWS is and what the platform's resources are called."""
    command.add_argument(
        "--endpoint-url", metavar="URL", help="of a local twin; else AWS (or AWS_ENDPOINT_URL)"
    )
    command.add_argument("--region", metavar="NAME", help="AWS region (or AWS_REGION)")
    command.add_argument(
        "--prefix", default="", metavar="TEXT", help="before the names of all resources"
    )
    command.add_argument("--bucket", metavar="NAME", help="for audit trail and model")
