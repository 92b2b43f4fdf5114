"""Target files: how a user describes a service in YAML. See ``docs/targets.md``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import Field, JsonValue, field_validator, model_validator

from squall.models import Decision
from squall.targets.answers import word_of
from squall.targets.target_decisions import DecisionsPart
from squall.targets.target_values import (
    AnswerPath,
    HeaderName,
    HeaderValue,
    Part,
    Status,
    UrlPath,
)

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"[0-9A-Za-z._:%-]+")
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}?")
_UNUSABLE_METHODS = frozenset({"HEAD", "CONNECT"})
_WITHOUT_BODY = frozenset({"GET", "DELETE", "OPTIONS", "TRACE"})
"""Methods that send no body unless one is written."""


class RequestPart(Part):
    """What is sent for each transaction."""

    method: str = Field(default="POST", description="Any HTTP method but HEAD and CONNECT")
    path: UrlPath = Field(
        default="/", description="Path and query; may hold ${field}, written percent-encoded"
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict,
        description="Header fields; values may hold ${field}. Those without one are also sent "
        "with health, seen and agents",
    )
    content_type: HeaderValue = Field(
        default="application/json", min_length=1, description="Media type of the body"
    )
    body: JsonValue = Field(
        default=None,
        description="The body as JSON with ${field} in its strings; left out: the whole "
        "transaction as one object (GET, DELETE: no body)",
    )
    text: str | None = Field(
        default=None, description="Instead of body: any text with ${field}, escaped for its type"
    )

    @field_validator("method")
    @classmethod
    def _usable(cls, method: str) -> str:
        if not _TOKEN.fullmatch(method) or method != method.upper():
            raise ValueError("must be an HTTP method in capital letters, like POST")
        if method in _UNUSABLE_METHODS:
            raise ValueError(f"must not be {method}: its answers say nothing of a transaction")
        return method

    @field_validator("body")
    @classmethod
    def _writable(cls, body: Any) -> Any:
        try:
            orjson.dumps(body)
        except TypeError as error:
            raise ValueError(f"cannot be written as JSON: {error}") from None
        return body

    @model_validator(mode="after")
    def _one_body(self) -> RequestPart:
        if self.body is not None and self.text is not None:
            raise ValueError("body and text are given: take one out")
        return self

    @property
    def has_body(self) -> bool:
        """Whether requests have a body: one is written, or the method takes one."""
        written = self.body is not None or self.text is not None
        return written or self.method not in _WITHOUT_BODY


class BandsPart(Part):
    """Decisions by score, for services that give only a score (higher is riskier)."""

    review: float | None = Field(default=None, description="From this score on: review")
    decline: float | None = Field(default=None, description="From this score on: decline")

    @model_validator(mode="after")
    def _ordered(self) -> BandsPart:
        if self.review is None and self.decline is None:
            raise ValueError("give review, decline or both")
        if self.review is not None and self.decline is not None and self.review > self.decline:
            raise ValueError("review must not be above decline")
        return self


class AnswerPart(Part):
    """Where the parts of an answer are."""

    accepted_statuses: tuple[Status, ...] = Field(
        default=(200, 201, 202),
        min_length=1,
        description="HTTP statuses that say that the transaction was taken",
    )
    id: AnswerPath | None = Field(
        default=None,
        description="Where the answer repeats the transaction id; another id there is an error",
    )
    decision: AnswerPath | None = Field(default=None, description="Where the decision is")
    decisions: dict[Literal["approve", "review", "decline"], tuple[str | bool | int, ...]] = Field(
        default_factory=dict, description="Words that mean approve, review and decline"
    )
    score: AnswerPath | None = Field(default=None, description="Where the risk score is")
    score_max: float = Field(
        default=1.0, gt=0, description="The score that means certain fraud; 0 means none"
    )
    decide_by_score: BandsPart | None = Field(
        default=None, description="Decisions by score, where the answer has no decision"
    )

    @model_validator(mode="after")
    def _complete(self) -> AnswerPart:
        if self.decision and not any(self.decisions.values()):
            raise ValueError("decision needs decisions: the words for approve, review and decline")
        if self.decisions and not self.decision:
            raise ValueError("decisions needs decision: where in the answer the word is")
        if self.decide_by_score and not self.score:
            raise ValueError("decide_by_score needs score: where in the answer the score is")
        if self.decide_by_score and self.decision:
            raise ValueError("decision and decide_by_score are given: take one out")
        meanings: dict[str, str] = {}
        for name, words in self.decisions.items():
            for word in map(str, map(word_of, words)):
                if meanings.setdefault(word, name) != name:
                    raise ValueError(f"decisions: {word} means both {meanings[word]} and {name}")
        return self

    @property
    def words(self) -> Mapping[str, Decision]:
        """Decision by word."""
        return {
            str(word_of(word)): Decision[name.upper()]
            for name, words in self.decisions.items()
            for word in words
        }


class SeenPart(Part):
    """How to list what the target has decided: its own records, read page by page."""

    path: UrlPath = Field(
        description="Path and query of a page; may hold ${run_tag}, which every id of the run "
        "starts with, and ${cursor}"
    )
    items: AnswerPath | None = Field(
        default=None, description="Where the list is; left out: the answer is the list"
    )
    id: AnswerPath | None = Field(
        default=None, description="Where in an item its id is; left out: the item is the id"
    )
    amount: AnswerPath | None = Field(
        default=None, description="Where in an item its amount is, in minor units; may be left out"
    )
    next_cursor: AnswerPath | None = Field(
        default=None,
        description="Where the next page's cursor is; null, empty or missing there: no more pages",
    )
    first_cursor: str = Field(default="0", description="Cursor of the first page")

    @field_validator("path")
    @classmethod
    def _known(cls, path: str) -> str:
        for name in _PLACEHOLDER.findall(path):
            if name not in ("run_tag", "cursor"):
                raise ValueError(
                    f"${{{name}}} is not known here; there are ${{run_tag}}, ${{cursor}}"
                )
        return path

    @model_validator(mode="after")
    def _moves_on(self) -> SeenPart:
        if self.next_cursor and "${cursor}" not in self.path:
            raise ValueError("next_cursor needs ${cursor} in path: every page would be the first")
        if "${cursor}" in self.path and not self.next_cursor:
            raise ValueError("${cursor} in path needs next_cursor: only one page would be read")
        return self


class TlsPart(Part):
    """TLS settings for https."""

    verify: bool = Field(default=True, description="Check the certificate; false only for tests")
    ca_file: str | None = Field(
        default=None,
        min_length=1,
        description="PEM file of the certificate authority to trust, relative to the target file",
    )


class TargetFile(Part):
    """One target file."""

    name: str = Field(min_length=1, max_length=80, description="Name in reports")
    url: str = Field(description="http(s)://host[:port]; the path goes into request.path")
    request: RequestPart = Field(
        default=RequestPart(), description="What is sent for each transaction"
    )
    answer: AnswerPart = Field(default=AnswerPart(), description="Where the parts of an answer are")
    seen: SeenPart | None = Field(
        default=None, description="How to list what the target has decided, for the final read"
    )
    decisions: DecisionsPart | None = Field(
        default=None,
        description="Where on AWS decisions come out, for a service whose answers only acknowledge",
    )
    health: UrlPath | None = Field(
        default=None, description="Path asked before a run; must answer with a 2xx status"
    )
    agents: UrlPath | None = Field(
        default=None, description="Path of agent figures, in the form of docs/platform-api.md"
    )
    tls: TlsPart = Field(default=TlsPart(), description="TLS settings for https")

    @field_validator("url")
    @classmethod
    def _base(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("must be http://host:port, with a port from 1 to 65535") from None
        if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.hostname or ""):
            raise ValueError("must be http://host:port or https://host:port")
        if port == 0:
            raise ValueError("must be http://host:port, with a port from 1 to 65535")
        if "@" in parts.netloc:
            raise ValueError(
                "must not hold a user name or password; send them as a header, for instance "
                "Authorization: ${env:TOKEN}"
            )
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("must end after the port; put the path into request.path")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _one_source(self) -> TargetFile:
        if self.decisions is None:
            return self
        for name in ("decision", "score"):
            if getattr(self.answer, name):
                raise ValueError(f"answer.{name} and decisions are given: take one out")
        if self.seen is not None and self.decisions.table is not None:
            raise ValueError("seen and decisions.table are given: take one out")
        return self
