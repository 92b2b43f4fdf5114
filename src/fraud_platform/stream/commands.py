"""What the commands of stream mode do; errors are ``PlatformError``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import orjson

from fraud_platform.errors import PlatformError, UsageError
from fraud_platform.options import ServeOptions
from fraud_platform.stream.adapters.bucket_and_queue import S3Audit
from fraud_platform.stream.adapters.coordination_table import DynamoBoard
from fraud_platform.stream.adapters.dynamodb import Tables
from fraud_platform.stream.audit import FOLDER, ChainHead
from fraud_platform.stream.audit_verification import AuditReport, RunInTrail, verify_chain
from fraud_platform.stream.backoff import Patience
from fraud_platform.stream.client import WAIT_LIMIT_S
from fraud_platform.stream.dead_letters import DeadLetterQueue
from fraud_platform.stream.envelope import LANES
from fraud_platform.stream.function_settings import RETENTION_DAYS, SECOND_LOOK_S
from fraud_platform.stream.names import ResourceNames, make_names
from fraud_platform.stream.resources import SECOND_LOOK_BATCH_RECORDS, Resources, Sizes
from fraud_platform.stream.run_log import RunLog
from fraud_platform.stream.scaling import ScalingLimits
from fraud_platform.stream.serving import StreamOptions, deploy, serve_stream
from fraud_platform.stream.session import AwsSession

_PATIENCE_S = 60.0
_IN_TEMPLATE = {
    "--block-list": ("block_list", "BlockList"),
    "--reasoning-model": ("reasoning_model", "ReasoningModel"),
    "--external-url": ("external_url", "ExternalUrl"),
    "--second-look": ("second_look", "SecondLookMs"),
    "--batch-records": ("batch_records", "BatchRecords"),
    "--retention-days": ("retention_days", "DecisionRetentionDays"),
    "--disturb": ("disturb", "Disturb"),
    "--allow-disturbance": ("allow_disturbance", "AllowDisturbance"),
}
"""Options of the function: their names in the command line, and the template's parameters."""


class AuditBrokenError(PlatformError):
    """The audit trail is not as it was written."""

    exit_status = 1


def run_serve(given: argparse.Namespace, options: ServeOptions) -> None:
    """``serve --mode stream``."""
    if not 0.0 <= given.wait <= WAIT_LIMIT_S:
        raise UsageError(f"--wait {given.wait}: must be 0 to {WAIT_LIMIT_S:g} seconds")
    if given.second_look is not None and not 0.01 <= given.second_look <= 60.0:
        raise UsageError(f"--second-look {given.second_look}: must be 0.01 to 60 seconds")
    if given.batch_records is not None and not 1 <= given.batch_records <= 10_000:
        raise UsageError(f"--batch-records {given.batch_records}: must be 1 to 10000")
    if given.retention_days is not None and not 0 <= given.retention_days <= 36_500:
        raise UsageError(f"--retention-days {given.retention_days}: must be 0 to 36500")
    if not 1 <= given.parallelisation_max <= 10:
        raise UsageError(f"--parallelisation-max {given.parallelisation_max}: must be 1 to 10")
    stream = _stream_options(given)
    if stream.endpoint_url is None:
        refuse_function_options(given)
    serve_stream(options, stream)


def refuse_function_options(given: argparse.Namespace) -> None:
    """On AWS the template sets the function up: what it would not hear of is no option there."""
    parts = [
        (option, parameter)
        for option, (name, parameter) in _IN_TEMPLATE.items()
        if getattr(given, name) not in (None, False, [])
    ]
    if parts:
        options, parameters = (", ".join(words) for words in zip(*parts, strict=True))
        raise UsageError(
            f"{options}: on AWS deploy/aws/template.yaml sets the function up; leave this out and"
            f" set {parameters} there (docs/aws-deployment.md)"
        )


def run_command(given: argparse.Namespace, options: ServeOptions | None) -> None:
    """``resources``, ``audit`` and ``dead-letters``."""
    names, session = _names(given), AwsSession(given.region, _endpoint(given))
    if given.command == "resources" and given.action == "create":
        result = _create(session, names, given, options)
    elif given.command == "resources":
        result = {"removed": Resources(session, names).delete()}
    elif given.command == "audit":
        report = verify(session, names, given.run)
        result = report.document()
    elif given.action == "list":
        queue = DeadLetterQueue(session, names)
        result = {"messages": [_readable(m["Body"]) for m in queue.messages(given.most)]}
    else:
        result = DeadLetterQueue(session, names).redrive(given.most).document()
    content = orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n"
    if given.json:
        try:
            Path(given.json).write_bytes(content)
        except OSError as error:
            raise UsageError(f"--json {given.json}: {error.strerror}") from error
    sys.stdout.write(content.decode())
    if given.command == "audit" and not result["whole"]:
        raise AuditBrokenError("the audit trail is not as it was written; see the problems above")


def verify(session: AwsSession, names: ResourceNames, run: str | None = None) -> AuditReport:
    """Read the whole audit trail and check every link; ``run``: and every decision of a run."""
    patience = Patience(_PATIENCE_S)
    bucket = S3Audit(session, names.bucket, patience)
    tables = Tables(session, patience)
    board = DynamoBoard(tables, names.coordination_table)
    published: dict[str, ChainHead] = {}
    for figures in board.read().values():
        for chain, (number, digest) in figures.get("chains", {}).items():
            known = published.get(chain, ChainHead())
            published[chain] = max(known, ChainHead(number, digest), key=lambda head: head.number)
    keys: dict[str, list[str]] = {chain: [] for chain in published}
    for key in bucket.keys(FOLDER):
        keys.setdefault(key.split("/")[1], []).append(key)
    report = AuditReport(run=RunInTrail(run) if run else None)
    for chain, ours in sorted(keys.items()):
        patience.renew(_PATIENCE_S)
        objects = ((key, bucket.get(key) or b"") for key in ours)
        verify_chain(chain, objects, report, published.get(chain))
    if report.run is not None:
        patience.renew(_PATIENCE_S)
        report.run.compare(RunLog(tables, names.decision_table).words(report.run.run), report)
    return report


def _create(
    session: AwsSession,
    names: ResourceNames,
    given: argparse.Namespace,
    options: ServeOptions | None,
) -> dict[str, Any]:
    if options is None:
        return {"made": Resources(session, names).create_storage(_sizes(given))}
    stream = StreamOptions(names, session.region, session.endpoint_url, sizes=_sizes(given))
    return {"made": deploy(session, options, stream)}


def _stream_options(given: argparse.Namespace) -> StreamOptions:
    scaling = None
    if not given.no_scaling:
        scaling = ScalingLimits(parallelisation_max=given.parallelisation_max)
    return StreamOptions(
        names=_names(given),
        region=given.region,
        endpoint_url=_endpoint(given),
        default_wait_s=given.wait,
        sizes=_sizes(given),
        scaling=scaling,
        reasoning_model=given.reasoning_model,
        external_url=given.external_url,
        second_look_s=SECOND_LOOK_S if given.second_look is None else given.second_look,
        retention_days=RETENTION_DAYS if given.retention_days is None else given.retention_days,
    )


def _names(given: argparse.Namespace) -> ResourceNames:
    return make_names(given.prefix, given.bucket)


def _endpoint(given: argparse.Namespace) -> str | None:
    url: str | None = given.endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or None
    if url is not None and not url.startswith(("http://", "https://")):
        raise UsageError(f"--endpoint-url {url}: must begin with http:// or https://")
    return url


def _sizes(given: argparse.Namespace) -> Sizes:
    if not 1 <= given.shards <= LANES:
        raise UsageError(f"--shards {given.shards}: must be 1 to {LANES}")
    if not 1 <= given.decision_shards <= 500:
        raise UsageError(f"--decision-shards {given.decision_shards}: must be 1 to 500")
    return Sizes(
        transaction_shards=given.shards,
        decision_shards=given.decision_shards,
        batch_records=batch_records(given),
        table_writes_s=getattr(given, "table_writes", Sizes().table_writes_s),
    )


def batch_records(given: argparse.Namespace) -> int:
    """As given; a batch that waits for second looks has to be large to keep the shard's pace."""
    chosen: int | None = getattr(given, "batch_records", None)
    if chosen is not None:
        return chosen
    looks = getattr(given, "reasoning_model", None) or getattr(given, "external_url", None)
    return SECOND_LOOK_BATCH_RECORDS if looks else Sizes().batch_records


def _readable(body: str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
