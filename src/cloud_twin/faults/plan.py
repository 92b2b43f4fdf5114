"""A fault plan as it is asked for, with everything that can be wrong with it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloud_twin.faults.batches import problem_with_body
from cloud_twin.faults.known_errors import known_error

LEASE_S_MAX = 3600.0
LATENCY_MS_MAX = 600_000.0

Name = Annotated[str, Field(min_length=1, max_length=512)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FaultError(_Strict):
    """The AWS error to answer with.

    ``status``, ``message`` and ``fields`` are AWS's own where they are left out and the error is
    one that the twin knows.
    """

    code: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9.]{0,127}$")]
    message: str | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    fields: dict[str, Any] = Field(default_factory=dict)


class FaultPlan(_Strict):
    """Which calls are hit, when, and what happens to them.

    What is left out matches everything. ``resource`` (the name of a stream, table, function,
    queue or bucket, or a model id) may have ``*`` and ``?`` in it. ``attempts`` are numbers of
    SDK attempts: ``[1]`` spares every retry. The time window runs from ``after_s`` for ``for_s``
    seconds, counted from the request that made the plan.
    """

    service: Name | None = None
    operation: Name | None = None
    resource: Name | None = None
    attempts: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Field(min_length=1)] | None = (
        None
    )
    count: Annotated[int, Field(ge=1)] | None = None
    """Ends after so many calls were hit."""
    probability: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Of one call to be hit; with ``body``, of one entry of its batch."""
    seed: int = 0
    after_s: Annotated[float, Field(ge=0.0, le=86_400.0)] = 0.0
    for_s: Annotated[float, Field(gt=0.0, le=86_400.0)] | None = None
    when: Literal["before", "after", "body", "drop"] | None = None
    """``before``: refused with ``error``. ``after``: carried out, then answered with ``error``,
    or without one the connection is closed. ``body``: entries of the batch fail with ``error``,
    an Invoke with a function error; calls that have no such parts are not hit.
    ``drop``: the connection is closed and nothing is carried out."""
    error: FaultError | None = None
    latency_ms: Annotated[float, Field(ge=0.0, le=LATENCY_MS_MAX)] = 0.0
    jitter_ms: Annotated[float, Field(ge=0.0, le=LATENCY_MS_MAX)] = 0.0
    """The latency is drawn evenly from ``latency_ms`` ± ``jitter_ms``, never below 0."""
    lease_s: Annotated[float, Field(gt=0.0, le=LEASE_S_MAX)] = 60.0
    """Ends by itself after so long, unless it is renewed."""
    label: Annotated[str, Field(max_length=200)] = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> list[str]:
        problems = []
        if self.when is None and not (self.latency_ms or self.jitter_ms):
            problems.append("nothing would happen: give 'when' or 'latency_ms'")
        if self.when is None and self.error is not None:
            problems.append("'error' needs 'when': before, after or body")
        if self.when in ("before", "body") and self.error is None:
            problems.append(f"'when': '{self.when}' needs 'error': {{'code': …}}")
        if self.when == "drop" and self.error is not None:
            problems.append("'when': 'drop' answers nothing, so it takes no 'error'")
        if self.when == "body" and (problem := problem_with_body(self.service, self.operation)):
            problems.append(problem)
        if self.jitter_ms > self.latency_ms:
            problems.append("'jitter_ms' must not be more than 'latency_ms'")
        if self.error is not None and self.error.status is None and self.when != "body":
            known = known_error(self.service, self.error.code)
            if known is None:
                problems.append(
                    f"'error.code': '{self.error.code}' is not an error whose status is known"
                    f"{f' for {self.service}' if self.service else ' without a service'};"
                    " give 'error.status'"
                )
        return problems
