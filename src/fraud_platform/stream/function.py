"""The Lambda function: ``fraud_platform.stream.function.handler``.

Everything it needs is made at the first invocation of an environment and kept for the next ones.
"""

from __future__ import annotations

import functools
import gc
import logging
import os
import random
import tempfile
import threading
import time
import uuid
from base64 import b64decode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fraud_platform.agents.compliance import BlockList
from fraud_platform.agents.coordinator import Coordinator
from fraud_platform.agents.disturbance import DisturbanceBook, DisturbedAgent
from fraud_platform.agents.evidence import Agent
from fraud_platform.agents.panel import Panel
from fraud_platform.agents.runner import AgentRunner
from fraud_platform.errors import PlatformError, StoreError, UsageError
from fraud_platform.learning.model import LearnedModel, load_model
from fraud_platform.monitoring.histogram import Latencies
from fraud_platform.stream.adapters.bucket_and_queue import S3Audit, SqsLetters
from fraud_platform.stream.adapters.coordination_table import DynamoBoard, DynamoOwners
from fraud_platform.stream.adapters.decision_table import DynamoDecisions
from fraud_platform.stream.adapters.disturbance_table import DynamoDisturbances
from fraud_platform.stream.adapters.dynamodb import Tables
from fraud_platform.stream.adapters.profile_table import DynamoProfiles
from fraud_platform.stream.adapters.streams import KinesisDecisions, kinesis_wire
from fraud_platform.stream.audit import AuditTrail
from fraud_platform.stream.backoff import STORE_PATIENCE_S, Patience
from fraud_platform.stream.customers import Customers
from fraud_platform.stream.direct import answer_directly
from fraud_platform.stream.disturbances import Follower
from fraud_platform.stream.envelope import RecordReader
from fraud_platform.stream.figures import environment_figures
from fraud_platform.stream.function_settings import (
    FunctionSettings,
    block_list_from,
    settings_from,
)
from fraud_platform.stream.judge import Judge
from fraud_platform.stream.memory import StreamMemory
from fraud_platform.stream.ports import CaseReview, ExternalEvidence
from fraud_platform.stream.processor import Outside, Processor, ShardRecord
from fraud_platform.stream.recorder import Recorder
from fraud_platform.stream.session import AwsSession
from fraud_platform.wire.currencies import current_currencies
from fraud_platform.wire.validation import Validator

log = logging.getLogger(__name__)

PUBLISH_EVERY_S = 2.0
_IDLE_S = 0.7
"""After so long without a batch the last figures are published too, if the process still runs."""
_MARGIN_S = 2.0
"""Patience ends so long before the function is stopped: what failed is then said."""
_THREADS = 6


class Environment:
    """One execution environment of the function."""

    def __init__(
        self, settings: FunctionSettings, session: AwsSession, name: str | None = None
    ) -> None:
        names = settings.names
        self.name = name or uuid.uuid4().hex[:12]
        self.patience = Patience()
        self._begun_s = self._published_s = time.monotonic()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="aws")
        self._latency = Latencies()
        self._iterator_age_s = 0.0
        self._tables = Tables(session, self.patience)
        self._kinesis = kinesis_wire(session, self.patience)
        self._stream = KinesisDecisions(self._kinesis, names.decisions, self.patience)
        bucket = S3Audit(session, names.bucket, self.patience)
        model = _model(bucket, settings)
        book = DisturbanceBook(settings.disturbances)
        self._follower: Follower | None = None
        if settings.allow_disturbance:
            table = DynamoDisturbances(self._tables, names.coordination_table)
            self._follower = Follower(table, book)
        self._memory = StreamMemory(model.scales)
        self._judge = Judge(
            self._memory,
            _panel(model, settings, _block_list(bucket, settings), book),
            Coordinator(model.weights),
            _external(settings),
            _review(settings, session),
            settings.second_look_s,
        )
        decisions = DynamoDecisions(self._tables, names.decision_table, settings.retention_s)
        self._audit = AuditTrail(bucket, self.name)
        self._customers = Customers(
            self.name,
            self._memory,
            DynamoProfiles(self._tables, names.profile_table),
            DynamoOwners(self._tables, names.coordination_table),
        )
        self._validator = Validator(current_currencies())
        self._recorder = Recorder(decisions, self._pool, self.patience, random.Random())
        self.processor = Processor(
            self.name,
            RecordReader(self._validator),
            self._judge,
            self._customers,
            self._recorder,
            Outside(
                decisions,
                self._stream,
                self._audit,
                SqsLetters(session, names.dead_letters, self.patience),
            ),
            self._pool,
        )
        self._board = DynamoBoard(self._tables, names.coordination_table)
        self._publishing = threading.Lock()
        self._unpublished = threading.Event()
        self._worked_s = self._begun_s
        threading.Thread(target=self._publish_when_idle, name="figures", daemon=True).start()

    def batch(self, event: Mapping[str, Any], left_s: float) -> dict[str, Any]:
        """Decide the batch of an event-source mapping; raises ``StoreError``."""
        self._begin(left_s)
        shard = ""
        records: list[ShardRecord] = []
        for entry in event["Records"]:
            kinesis = entry["kinesis"]
            shard = shard or entry["eventID"].partition(":")[0]
            records.append(
                ShardRecord(
                    b64decode(kinesis["data"]),
                    kinesis["partitionKey"],
                    int(kinesis["sequenceNumber"]),
                    float(kinesis["approximateArrivalTimestamp"]),
                )
            )
        if records:
            self._iterator_age_s = max(0.0, time.time() - records[0].stored_s)
            for outcome in self.processor.process(shard, records):
                decision = outcome.decision
                if not outcome.replay:
                    self._latency.record(max(0.0, decision.decided_s - decision.arrived_s))
            self._publish()
        return {"batchItemFailures": []}

    def direct(self, event: Any, left_s: float) -> Any:
        """Decide transactions that were sent in the event itself."""
        self._begin(left_s)
        answer = answer_directly(event, self._validator, self.processor, time.time())
        self._publish()
        return answer

    def _begin(self, left_s: float) -> None:
        """Before any work of ``left_s`` seconds at most."""
        self.patience.renew(min(STORE_PATIENCE_S, left_s - _MARGIN_S))
        if self._follower is not None:
            self._follower.follow()

    def figures(self) -> dict[str, Any]:
        """What this environment has done."""
        extra = {
            "iterator_age_s": round(self._iterator_age_s, 3),
            "decisions_throttled": self._stream.throttled,
            "chains": {
                chain: [head.number, head.hash] for chain, head in self._audit.heads.items()
            },
            "table": {
                "transactions": self._recorder.transactions,
                "cancelled": self._recorder.cancelled,
                "retries": self._tables.wire.retries,
            },
        }
        return environment_figures(
            self.processor, self._judge, self._customers, self._latency,
            time.monotonic() - self._begun_s, extra,
        )  # fmt: skip

    def close(self) -> None:
        """End its threads."""
        self._judge.close()
        self._pool.shutdown()

    def _publish(self) -> None:
        now_s = self._worked_s = time.monotonic()
        self._unpublished.set()
        if now_s - self._published_s >= PUBLISH_EVERY_S:
            self._publish_now()

    def _publish_now(self) -> None:
        with self._publishing:
            self._published_s = time.monotonic()
            self._unpublished.clear()
            try:
                self._board.publish(self.name, self.figures())
            except StoreError as error:  # figures must not cost a batch that is done
                log.warning("figures were not published: %s", error)

    def _publish_when_idle(self) -> None:
        """Lambda may freeze the process after a batch: then this waits for the next one."""
        while True:
            self._unpublished.wait()
            time.sleep(_IDLE_S)
            if self._unpublished.is_set() and time.monotonic() - self._worked_s >= _IDLE_S:
                self._publish_now()


def handler(event: Any, context: Any) -> Any:
    """Called by Lambda: a batch of stream records, a transaction, or a list of transactions.

    Raises for a batch that has to be tried again, so that the event-source mapping retries,
    bisects and in the end sends it to the dead letters.
    """
    left_s = context.get_remaining_time_in_millis() / 1000.0
    try:
        environment = _environment()
        if isinstance(event, dict) and isinstance(event.get("Records"), list):
            return environment.batch(event, left_s)
        return environment.direct(event, left_s)
    except PlatformError as error:
        raise RuntimeError(str(error)) from error


@functools.cache
def _environment() -> Environment:
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or None
    environment = Environment(settings_from(os.environ), AwsSession(None, endpoint))
    # What is remembered is many small objects without cycles: to look through them again and again
    # would be a fifth of all that the function does.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    return environment


def _model(bucket: S3Audit, settings: FunctionSettings) -> LearnedModel:
    content = bucket.get(settings.model_key)
    if content is None:
        raise UsageError(f"there is no model {settings.model_key} in the bucket")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        path.write_bytes(content)
        model = load_model(path)
    if model is None:
        raise UsageError(f"the model {settings.model_key} cannot be read")
    return model


def _block_list(bucket: S3Audit, settings: FunctionSettings) -> BlockList:
    if settings.block_list_key is None:
        return BlockList()
    content = bucket.get(settings.block_list_key)
    if content is None:
        raise UsageError(f"there is no block list {settings.block_list_key} in the bucket")
    return block_list_from(content)


def _panel(
    model: LearnedModel, settings: FunctionSettings, block_list: BlockList, book: DisturbanceBook
) -> Panel:
    agents: list[Agent] = model.agents(block_list)
    if settings.disturbances or settings.allow_disturbance:
        agents = [DisturbedAgent(agent, book) for agent in agents]
    return Panel([AgentRunner(agent) for agent in agents], settings.agent_deadline_s)


def _review(settings: FunctionSettings, session: AwsSession) -> CaseReview | None:
    if settings.reasoning_model is None:
        return None
    from fraud_platform.reasoning import BedrockModel, BedrockOptions, CaseReviewer
    from fraud_platform.stream.second_looks import ModelReview

    model = BedrockModel(BedrockOptions(settings.reasoning_model, session.endpoint_url))
    return ModelReview(CaseReviewer(model))


def _external(settings: FunctionSettings) -> ExternalEvidence | None:
    if settings.external_url is None:
        return None
    from fraud_platform.external import ChecksOptions, ExternalChecks
    from fraud_platform.stream.second_looks import ServiceEvidence

    return ServiceEvidence(ExternalChecks(ChecksOptions.at(settings.external_url)))
