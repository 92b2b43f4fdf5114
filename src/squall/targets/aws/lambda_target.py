"""A Lambda function as a target: ``lambda://FUNCTION``, invoked once per transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from squall.errors import TargetError
from squall.load_generator.engine.answer import Answer
from squall.load_generator.target_spec import AnswerReader, Endpoint, RequestWriter, Seal
from squall.targets.answers import AnswerFormat, parse_path
from squall.targets.aws.access import (
    Access,
    ServiceAddress,
    open_client,
    open_credentials,
    resolve_access,
    service_address,
)
from squall.targets.aws.address import LambdaAddress
from squall.targets.aws.decision_events import WORDS
from squall.targets.aws.errors import read_refusal
from squall.targets.aws.invocations import FunctionAnswerReader, InvocationWriter, Invoker
from squall.targets.aws.service_client import Service
from squall.targets.aws.signed_calls import SignedCalls
from squall.targets.aws.signing import Scope, Shape
from squall.targets.aws.table_reader import TableReader
from squall.targets.cloud_place import CloudPlace
from squall.targets.http_client import HttpClient

_VERSION = "/2015-03-31/functions"
CHECK_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class LambdaTargetSpec:
    """A picklable function (a ``TargetSpec``). Workers open the credentials themselves."""

    address: LambdaAddress
    access: Access
    service: ServiceAddress
    all_fields: tuple[str, ...]
    """Fields of a transaction in order: the payload is the whole transaction."""

    @property
    def endpoint(self) -> Endpoint:
        """Where to connect."""
        return self.service.endpoint

    @property
    def fields(self) -> frozenset[str]:
        """Transaction fields that requests use."""
        return frozenset(self.all_fields)

    def writer(self) -> RequestWriter:
        """Writes payloads."""
        return InvocationWriter(self.all_fields)

    def seal(self) -> Seal:
        """Signs invocations as they are written."""
        calls = SignedCalls(
            self.shape("POST", "/invocations"),
            Scope(self.access.region, "lambda"),
            open_credentials(self.access.profile),
            time.time,
        )
        return Invoker(calls)

    def shape(self, method: str, what: str) -> Shape:
        """Requests about the function."""
        path = f"{_VERSION}/{quote(self.address.function, safe='')}{what}"
        headers = {"Host": self.service.host}
        if method == "POST":
            headers |= {
                "Content-Type": "application/json",
                "X-Amz-Invocation-Type": "RequestResponse",
            }
        return Shape(method, path, headers)

    def reader(self) -> AnswerReader:
        """An answer reader."""
        form = self.address.format
        return FunctionAnswerReader(
            AnswerFormat(
                statuses=frozenset({200}),
                id=parse_path(form.id),
                decision=parse_path(form.decision),
                words=WORDS,
                score=parse_path(form.score),
            )
        )


class LambdaTarget:
    """A function that answers with the decision.

    Raises:
        ConfigurationError: no region, no credentials, or the ``aws`` extra is missing.
    """

    def __init__(self, address: LambdaAddress, all_fields: tuple[str, ...]) -> None:
        place = address.place
        access = resolve_access(place.region, place.profile, place.endpoint_url)
        self._credentials = open_credentials(access.profile)
        self._address = address
        self._dynamodb = (
            Service(access, self._credentials, "dynamodb", "DynamoDB_20120810", "1.0")
            if address.table
            else None
        )
        self.spec = LambdaTargetSpec(address, access, service_address(access, "lambda"), all_fields)
        """What the load workers need of it."""

    @property
    def name(self) -> str:
        """Name in reports."""
        return f"lambda://{self._address.function}"

    @property
    def agents_url(self) -> str | None:
        """URL of its agent figures, if the target names one."""
        return self._address.agents

    @property
    def records_remedy(self) -> str:
        """What to add so that its records can be read; read where ``reader`` gives None."""
        return "add table=dynamodb://TABLE to the target"

    @property
    def cloud(self) -> CloudPlace:
        """The services that it names."""
        address = self._address
        return CloudPlace.of(
            self.spec.endpoint,
            address.watch,
            tables=(address.table,),
            call_function=address.function,
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
        """Look that the function is there. Invokes nothing.

        Raises:
            TargetError: it is not, or may not be used.
        """
        answer = await self._configuration()
        if answer.status == 200:
            return
        where = f"in {self.spec.access.region} at {self.spec.service.url}"
        if answer.status == 404:
            raise TargetError(
                f"there is no function {self._address.function} {where}: create it, or correct "
                "its name or the region"
            )
        refusal = read_refusal(answer.status, answer.body)
        raise TargetError(
            f"the function {self._address.function} {where} cannot be looked at: "
            f"{refusal.code}: {refusal.message}"
        )

    async def _configuration(self) -> Answer:
        calls = SignedCalls(
            self.spec.shape("GET", "/configuration"),
            Scope(self.spec.access.region, "lambda"),
            self._credentials,
            time.time,
        )
        client = self.client(CHECK_TIMEOUT_S)
        try:
            return await client.exchange(b"".join(calls.request(())))
        finally:
            await client.close()

    def decisions(self, run_tag: str) -> None:
        """Its answers hold the decisions."""

    def reader(self, run_tag: str) -> TableReader | None:
        """Reads the decision table, where one is named."""
        if self._dynamodb is None or self._address.table is None:
            return None
        return TableReader(self._dynamodb, self._address.table, self._address.format, run_tag)
