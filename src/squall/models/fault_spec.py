"""How a scenario writes faults: what goes wrong, and in which phase of the load."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

CheckService = Literal["identity", "fraud_database", "geolocation"]
AgentName = Literal["transaction_analyser", "pattern_detector", "risk_assessor", "compliance"]

CHECK_FIGURES: dict[str, str | None] = {
    "errors": "share",
    "latency": "add_ms",
    "rate_limit": "rate_tps",
    "outage": None,
}
"""The figure that each kind of fault of an external check takes."""


class _Fault(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    during: str = Field(min_length=1, description="The phase in which it is in force")


class ExternalCheckFault(_Fault):
    """External checks that fail, are slow, turn away or are gone."""

    type: Literal["external_checks"]
    services: tuple[CheckService, ...] = Field(min_length=1)
    kind: Literal["errors", "latency", "rate_limit", "outage"]
    share: float | None = Field(default=None, gt=0, le=1, description="errors: of the answers")
    add_ms: float | None = Field(default=None, gt=0, le=600_000, description="latency")
    rate_tps: float | None = Field(default=None, gt=0, description="rate_limit")

    @property
    def figure(self) -> tuple[str, float] | None:
        """The one figure of its kind, by name; an outage has none."""
        name = CHECK_FIGURES[self.kind]
        return None if name is None else (name, getattr(self, name))

    @model_validator(mode="after")
    def _its_own_figure(self) -> Self:
        names = [name for name in CHECK_FIGURES.values() if name is not None]
        given = [name for name in names if getattr(self, name) is not None]
        wanted = CHECK_FIGURES[self.kind]
        if given != ([] if wanted is None else [wanted]):
            takes = "no figure" if wanted is None else f"{wanted} and no other figure"
            raise ValueError(f"kind {self.kind} takes {takes}")
        return self


class AwsFault(_Fault):
    """Calls to an AWS service that fail, are slow or are throttled; on the twin."""

    type: Literal["aws"]
    plan: dict[str, Any] = Field(
        description="A fault plan of the twin without its lease (docs/twin.md)"
    )


class AgentFault(_Fault):
    """An agent of the reference platform that fails or answers late."""

    type: Literal["agent"]
    agent: AgentName
    fails: bool = False
    delay_ms: float | None = Field(default=None, gt=0, le=60_000)
    delay_ms_max: float | None = Field(
        default=None, le=60_000, description="Each delay is drawn between delay_ms and this"
    )

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if self.fails == (self.delay_ms is not None):
            raise ValueError("give either fails: true or delay_ms")
        most_ms = self.delay_ms_max
        if most_ms is not None and (self.delay_ms is None or most_ms < self.delay_ms):
            raise ValueError("delay_ms_max goes with delay_ms and must not be below it")
        return self


class GatewayFault(_Fault):
    """A gateway of the reference platform out of service, as in a rolling restart.

    Its clients go to the other gateways, and stay there when it is back: the work is uneven.
    """

    type: Literal["gateway"]


FaultSpec = Annotated[
    ExternalCheckFault | AwsFault | AgentFault | GatewayFault, Field(discriminator="type")
]
