"""An HTTP service that acknowledges, and whose decisions come out on AWS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from squall.targets.aws.access import open_client, resolve_access
from squall.targets.aws.address import DecisionFormat
from squall.targets.aws.decision_place import DecisionPlace
from squall.targets.aws.stream_reader import StreamReader
from squall.targets.cloud_place import CloudPlace
from squall.targets.http_client import HttpClient
from squall.targets.http_target import DecisionReader, HttpTarget, HttpTargetSpec
from squall.targets.target_decisions import DecisionsPart


class FrontTarget:
    """A front to a stream: requests go to ``front``, decisions are found as ``part`` says.

    Raises:
        ConfigurationError: no region, no credentials, or the ``aws`` extra is missing.
    """

    def __init__(self, front: HttpTarget, part: DecisionsPart) -> None:
        self._front = front
        self._part = part
        self.access = resolve_access(part.region, part.profile, part.endpoint_url)
        """Where AWS is and as whom it is used."""
        form = DecisionFormat(
            part.id, part.decision, part.score, part.replay, part.amount, part.decided_at or ""
        )
        self._decisions = DecisionPlace(
            self.access, part.stream, part.table, form, part.poll_ms / 1000
        )

    @property
    def name(self) -> str:
        """Name in reports."""
        return self._front.name

    @property
    def spec(self) -> HttpTargetSpec:
        """What the load workers need of it."""
        return self._front.spec

    @property
    def agents_url(self) -> str | None:
        """Where its agent figures are, if it has them."""
        return self._front.agents_url

    @property
    def records_remedy(self) -> str:
        """What to add so that its records can be read; read where ``reader`` gives None."""
        return "add decisions.table, or seen, to its target file"

    @property
    def cloud(self) -> CloudPlace:
        """The services that it names."""
        part, watched = self._part, self._part.watch.watched()
        return CloudPlace.of(
            self._decisions.kinesis.address.endpoint,
            # The order of the way through: what takes transactions in comes first.
            replace(watched, streams=(*watched.streams, *filter(None, (part.stream,)))),
            tables=(part.table,),
        )

    def open_client(self, service: str) -> Any:
        """A botocore client of any service, as whom and where the target is used."""
        return open_client(self.access, service)

    def client(self, timeout_s: float = 10.0) -> HttpClient:
        """A client for the front."""
        return self._front.client(timeout_s)

    async def check(self) -> None:
        """Ask the front for its health, and look that stream and table are there.

        Raises:
            TargetError: something is not, or may not be used.
        """
        await self._front.check()
        await self._decisions.check(*self._part.watch.streams)

    def decisions(self, run_tag: str) -> StreamReader | None:
        """Follows the decision stream, where one is named."""
        return self._decisions.feed(run_tag)

    def reader(self, run_tag: str) -> DecisionReader | None:
        """Reads the decision table where one is named, else what ``seen`` describes."""
        return self._decisions.reader(run_tag) or self._front.reader(run_tag)
