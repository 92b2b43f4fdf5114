"""A Kinesis stream as a target: ``kinesis://STREAM``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from squall.load_generator.target_spec import AnswerReader, Endpoint, RecordCalls, RequestWriter
from squall.targets.answers import AnswerFormat, JsonAnswerReader
from squall.targets.aws.access import (
    Access,
    ServiceAddress,
    open_client,
    open_credentials,
    resolve_access,
)
from squall.targets.aws.address import KinesisAddress
from squall.targets.aws.decision_place import DecisionPlace
from squall.targets.aws.put_records import OPERATION, PutRecordsCalls
from squall.targets.aws.record_writer import RecordWriter
from squall.targets.aws.signed_calls import SignedCalls, json_shape
from squall.targets.aws.signing import Scope
from squall.targets.aws.stream_reader import StreamReader
from squall.targets.aws.table_reader import TableReader
from squall.targets.cloud_place import CloudPlace
from squall.targets.http_client import HttpClient


@dataclass(frozen=True, slots=True)
class KinesisTargetSpec:
    """A picklable stream (a ``RecordTargetSpec``). Workers open the credentials themselves."""

    address: KinesisAddress
    access: Access
    service: ServiceAddress
    all_fields: tuple[str, ...]
    """Fields of a transaction in order: a record holds the whole transaction."""

    @property
    def endpoint(self) -> Endpoint:
        """Where to connect."""
        return self.service.endpoint

    @property
    def fields(self) -> frozenset[str]:
        """Transaction fields that records use."""
        return self._writer().fields

    def writer(self) -> RequestWriter:
        """Writes entries of PutRecords calls."""
        return self._writer()

    def _writer(self) -> RecordWriter:
        return RecordWriter(self.all_fields, self.address.partition_key)

    def reader(self) -> AnswerReader:
        """For answers to single requests; a stream gives none."""
        return JsonAnswerReader(AnswerFormat())

    def calls(self) -> RecordCalls:
        """Puts entries into signed PutRecords calls."""
        signed = SignedCalls(
            json_shape(self.service.host, OPERATION),
            Scope(self.access.region, "kinesis"),
            open_credentials(self.access.profile),
            time.time,
        )
        return PutRecordsCalls(signed, self.address.stream, self.address.linger_ms / 1000)


class KinesisTarget:
    """A stream that transactions are put into; decisions come by a stream, a table, or not.

    Raises:
        ConfigurationError: no region, no credentials, or the ``aws`` extra is missing.
    """

    def __init__(self, address: KinesisAddress, all_fields: tuple[str, ...]) -> None:
        place = address.place
        access = resolve_access(place.region, place.profile, place.endpoint_url)
        self._address = address
        self._decisions = DecisionPlace(
            access, address.decisions, address.table, address.format, address.poll_ms / 1000
        )
        self.spec = KinesisTargetSpec(address, access, self._decisions.kinesis.address, all_fields)
        """What the load workers need of it."""

    @property
    def name(self) -> str:
        """Name in reports."""
        return f"kinesis://{self._address.stream}"

    @property
    def agents_url(self) -> str | None:
        """URL of its agent figures, if the target names one."""
        return self._address.agents

    @property
    def records_remedy(self) -> str:
        """What to add so that its records can be read; read where ``reader`` gives None."""
        return "add decisions=kinesis://STREAM or table=dynamodb://TABLE to the target"

    @property
    def cloud(self) -> CloudPlace:
        """The services that it names."""
        address = self._address
        return CloudPlace.of(
            self.spec.endpoint,
            address.watch,
            streams=(address.stream, address.decisions),
            tables=(address.table,),
            record_stream=address.stream,
        )

    @property
    def access(self) -> Access:
        """Where AWS is and as whom it is used."""
        return self.spec.access

    def open_client(self, service: str) -> Any:
        """A botocore client of any service, as whom and where the target is used."""
        return open_client(self.spec.access, service)

    def client(self, timeout_s: float = 10.0) -> HttpClient:
        """A client for its endpoint."""
        return HttpClient(self.spec.endpoint, timeout_s)

    async def check(self) -> None:
        """Look that the streams and the table are there. Puts no record.

        Raises:
            TargetError: one is not, or may not be used.
        """
        await self._decisions.check(self._address.stream)

    def decisions(self, run_tag: str) -> StreamReader | None:
        """Follows the decision stream, where one is named."""
        return self._decisions.feed(run_tag)

    def reader(self, run_tag: str) -> TableReader | None:
        """Reads the decision table, where one is named."""
        return self._decisions.reader(run_tag)
