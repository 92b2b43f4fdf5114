"""How the reference platform and its twin are launched for a scenario."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Limit = Annotated[float, Field(ge=0)]


class PlatformSetup(BaseModel):
    """Settings of what squall launches itself; without effect on other targets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reasoning_model: str | None = Field(
        default=None, description="Bedrock model that reasons about borderline cases"
    )
    second_look_s: float | None = Field(
        default=None,
        gt=0,
        le=60,
        description="Time for the reasoning, and for the external checks, per batch",
    )
    external_checks: bool = Field(
        default=False, description="Launch the external checks and ask them"
    )
    processes: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Inline: 1 does everything; else one decides and the others speak HTTP",
    )
    shards: int | None = Field(default=None, ge=1, le=64, description="Of the stream, when made")
    decision_shards: int | None = Field(
        default=None, ge=1, le=64, description="Of the stream of decisions, when made"
    )
    scaling: bool = Field(
        default=True, description="Whether stream mode adds shards and parallel batches under load"
    )
    twin_limits: dict[str, dict[str, Limit]] = Field(
        default_factory=dict,
        description="Quotas of the twin by service, in force for the whole run (docs/twin.md)",
    )
