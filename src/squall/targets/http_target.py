"""An HTTP service as a target."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from squall.errors import TargetProtocolError
from squall.load_generator.engine.answer import Answer
from squall.load_generator.reconcile import DecisionPage
from squall.load_generator.target_spec import AnswerReader, Endpoint, RequestWriter, TargetSpec
from squall.models import DecisionBatch
from squall.targets.answers import AnswerFormat, JsonAnswerReader, ScoreBands, parse_path
from squall.targets.cursor_reader import CursorReader, describe_refusal
from squall.targets.forms import Form, form_of
from squall.targets.http_client import HttpClient
from squall.targets.target_file import AnswerPart, TargetFile
from squall.targets.template import (
    REFERENCE,
    Body,
    JsonBody,
    Piece,
    TemplateWriter,
    TextBody,
    parse_text,
)

CHECK_TIMEOUT_S = 10.0


class DecisionReader(Protocol):
    """Reads a target's own records of one run."""

    def pages(self) -> AsyncIterator[DecisionPage]:
        """All records, page by page; raises TargetError when they cannot be read."""
        ...


class DecisionFeed(Protocol):
    """Follows the decisions of one run where they come by another channel than the answers."""

    @property
    def poll_s(self) -> float:
        """How long after it could be seen a decision is seen at most, seconds."""
        ...

    async def open(self) -> None:
        """Take the present position, before the load starts; raises TargetError."""
        ...

    def batches(self) -> AsyncIterator[DecisionBatch]:
        """Events as they are seen; ends only by TargetError or ``close``."""
        ...

    async def close(self) -> None:
        """Follow no more."""
        ...


class Target(Protocol):
    """What a transaction is sent to, as the run's side sees it."""

    @property
    def name(self) -> str:
        """Name in reports."""
        ...

    @property
    def spec(self) -> TargetSpec:
        """What the load workers need of it."""
        ...

    @property
    def agents_url(self) -> str | None:
        """Where its agent figures are, if it has them: a path on it, or a whole URL."""
        ...

    @property
    def records_remedy(self) -> str:
        """What to add so that its records can be read; read where ``reader`` gives None."""
        ...

    async def check(self) -> None:
        """Make sure that it can be used; raises TargetError."""
        ...

    def reader(self, run_tag: str) -> DecisionReader | None:
        """Reads its records of a run; None where it has none to read."""
        ...

    def decisions(self, run_tag: str) -> DecisionFeed | None:
        """Follows its decisions; None where its answers hold them."""
        ...

    def client(self, timeout_s: float = 10.0) -> HttpClient:
        """A client for what happens beside the load."""
        ...


@dataclass(frozen=True, slots=True)
class HttpTargetSpec:
    """A picklable HTTP target (a ``TargetSpec``)."""

    file: TargetFile
    all_fields: tuple[str, ...]
    """Fields of a transaction in order, for a body that is the whole transaction."""

    @property
    def endpoint(self) -> Endpoint:
        """Where to connect."""
        return Endpoint.of_url(self.file.url, self.file.tls.verify, self.file.tls.ca_file)

    @property
    def fields(self) -> frozenset[str]:
        """Transaction fields that requests use."""
        return self._template().fields

    @property
    def decides_later(self) -> bool:
        """Whether its answers only acknowledge, and decisions come out elsewhere."""
        return self.file.decisions is not None

    def writer(self) -> RequestWriter:
        """A request writer."""
        return self._template()

    def reader(self) -> AnswerReader:
        """An answer reader."""
        return JsonAnswerReader(answer_format(self.file.answer))

    @property
    def constant_headers(self) -> dict[str, str]:
        """Header fields that are the same in every request, such as an authorisation."""
        headers = self.file.request.headers
        return {name: value for name, value in headers.items() if not REFERENCE.search(value)}

    def _template(self) -> TemplateWriter:
        request = self.file.request
        start: list[Piece] = [
            request.method.encode() + b" ",
            *parse_text(request.path, Form.PERCENT),
            b" HTTP/1.1\r\nHost: " + urlsplit(self.file.url).netloc.encode() + b"\r\n",
        ]
        for name, value in request.headers.items():
            start += [name.encode() + b": ", *parse_text(value, Form.HEADER), b"\r\n"]
        if request.has_body:
            start.append(b"Content-Type: " + request.content_type.encode() + b"\r\n")
        return TemplateWriter(start, self._body())

    def _body(self) -> Body:
        request = self.file.request
        if not request.has_body:
            return TextBody("")
        if request.text is not None:
            return TextBody(request.text, form_of(request.content_type))
        if request.body is not None:
            return JsonBody(request.body)
        return JsonBody({field: f"${{{field}}}" for field in self.all_fields})


def answer_format(part: AnswerPart) -> AnswerFormat:
    """The plain value that the reader takes."""
    bands = part.decide_by_score
    return AnswerFormat(
        statuses=frozenset(part.accepted_statuses),
        id=parse_path(part.id) if part.id else None,
        decision=parse_path(part.decision) if part.decision else None,
        words=part.words,
        score=parse_path(part.score) if part.score else None,
        score_max=part.score_max,
        bands=ScoreBands(bands.review, bands.decline) if bands else None,
    )


class HttpTarget:
    """An HTTP service described by a target file."""

    def __init__(self, file: TargetFile, all_fields: tuple[str, ...]) -> None:
        self._file = file
        self._spec = HttpTargetSpec(file, all_fields)

    @property
    def name(self) -> str:
        """Name in reports."""
        return self._file.name

    @property
    def spec(self) -> HttpTargetSpec:
        """What the load workers need of it."""
        return self._spec

    @property
    def agents_url(self) -> str | None:
        """Where its agent figures are, if it has them: a path on it, or a whole URL."""
        return self._file.agents

    @property
    def records_remedy(self) -> str:
        """What to add so that its records can be read; read where ``reader`` gives None."""
        return "add seen to its target file: how it lists what it has decided"

    def client(self, timeout_s: float = 10.0) -> HttpClient:
        """A client for what happens beside the load."""
        return HttpClient(self._spec.endpoint, timeout_s, self._spec.constant_headers)

    async def check(self) -> None:
        """Ask for its health, or for anything where it names no such path. Sends no transaction.

        Raises:
            TargetUnreachable: nothing answers.
            TargetProtocolError: it does not speak HTTP, says that it is not healthy, or sends
                everything elsewhere.
        """
        client = self.client(CHECK_TIMEOUT_S)
        path = self._file.health or "/"
        try:
            answer = await client.get(path)
        finally:
            await client.close()
        unhealthy = self._file.health is not None and answer.status >= 300
        if unhealthy or self._points_elsewhere(answer):
            raise TargetProtocolError(f"{self._file.url}{describe_refusal(path, answer)}")

    def _points_elsewhere(self, answer: Answer) -> bool:
        """Whether it redirects to another scheme, host or port, as it would every transaction."""
        there, here = urlsplit(answer.location), urlsplit(self._file.url)
        return 300 <= answer.status < 400 and bool(there.netloc) and there[:2] != here[:2]

    def reader(self, run_tag: str) -> CursorReader | None:
        """Reads its records of a run, where the target file says how."""
        seen = self._file.seen
        return CursorReader(self.client(timeout_s=60.0), seen, run_tag) if seen else None

    def decisions(self, run_tag: str) -> None:
        """Its answers hold the decisions."""
