"""What a user asks for: a scenario, and one run's configuration of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from squall.models.enums import ArrivalProcess, Typology
from squall.models.fault_spec import FaultSpec
from squall.models.load_spec import LoadSpec
from squall.models.platform_setup import PlatformSetup
from squall.models.probe_spec import ProbeSpec
from squall.models.transactions import Mix

DEFAULT_SEED = 20_261_123


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RetryPolicy(_Frozen):
    """When a refused or failed attempt is tried again.

    The wait before attempt n+1 is uniform on 0 … min(``base_ms`` · 2ⁿ⁻¹, ``max_ms``) ("full
    jitter"), or the target's Retry-After where that is longer, capped at ``max_ms``.
    """

    max_attempts: int = Field(default=1, ge=1, le=20, description="1 means no retries")
    base_ms: float = Field(default=100, gt=0)
    max_ms: float = Field(default=20_000, gt=0)
    statuses: tuple[int, ...] = Field(
        default=(429, 503), description="HTTP statuses that are tried again"
    )
    on_broken_connection: bool = Field(
        default=False,
        description="Also try again after a timeout or broken connection, with the same "
        "idempotency key; only for targets that are idempotent",
    )


class MixSpec(_Frozen):
    """Shares of fraud and edge cases; the rest is legitimate."""

    fraud: Annotated[float, Field(ge=0, le=1)] = 0.15
    edge_cases: Annotated[float, Field(ge=0, le=1)] = 0.05
    typologies: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="Relative weights by typology name; empty: all of them"
    )

    def to_mix(self) -> Mix:
        """The plain value that sources take; raises KeyError for an unknown typology."""
        return Mix(
            self.fraud,
            self.edge_cases,
            {Typology[name.upper()]: weight for name, weight in self.typologies.items()},
        )


class ClientSpec(_Frozen):
    """How the load is sent."""

    connections: int = Field(default=64, ge=1, le=20_000, description="In all workers together")
    timeout_s: float = Field(default=10.0, gt=0, le=600, description="From the write")
    queue_limit: int = Field(
        default=200_000, ge=0, description="Due transactions that may wait for a connection"
    )
    retry: RetryPolicy = RetryPolicy()


class StabilitySpec(_Frozen):
    """Limits for the leak and drift checks; None leaves a check out.

    A check fails when the lower end of the trend's 95 % confidence interval is above its limit.
    """

    memory_growth_percent_per_hour: float | None = None
    latency_growth_percent_per_hour: float | None = None
    error_rate_growth_points_per_hour: float | None = None


class DefaultScale(_Frozen):
    """By how much a scenario is scaled where nobody says: what a laptop holds."""

    rate: float = Field(default=1.0, gt=0, le=1000)
    time: float = Field(default=1.0, gt=0, le=1000)


class TestScenario(_Frozen):
    """One scenario file."""

    __test__ = False

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    title: str = Field(min_length=1, max_length=120)
    why: str = Field(min_length=1, description="What is tested and why it matters, in a sentence")
    target: str | None = Field(
        default=None, description="What it is made for, where --target is not given"
    )
    scale: DefaultScale = DefaultScale()
    platform: PlatformSetup = PlatformSetup()
    load: LoadSpec
    arrivals: ArrivalProcess = ArrivalProcess.EVEN
    mix: MixSpec = MixSpec()
    client: ClientSpec = ClientSpec()
    probes: tuple[ProbeSpec, ...] = Field(default=(), description="Work beside the load")
    faults: tuple[FaultSpec, ...] = Field(default=(), description="What goes wrong, and when")
    criteria: tuple[str, ...] = Field(default=(), description="Expressions over the result")
    stability: StabilitySpec = StabilitySpec()
    drain_s: float = Field(default=30.0, gt=0, le=3600, description="Longest wait for last answers")
    population: int | None = Field(
        default=None, ge=100, le=10_000_000, description="Users; None: fitted to the plan"
    )


class StressTestConfig(_Frozen):
    """Everything that decides one run; stored with its result, so that it can be repeated."""

    scenario: TestScenario
    target: str = Field(default="inline", description="inline, a URL or a target file")
    seed: int = Field(default=DEFAULT_SEED, ge=0, lt=2**63)
    rate_scale: float = Field(default=1.0, gt=0, le=1000)
    time_scale: float = Field(default=1.0, gt=0, le=1000)
    workers: int | None = Field(default=None, ge=1, le=256, description="None: fitted to the load")
    environment: str = "local"
    replay: str | None = Field(
        default=None, description="A Parquet, CSV or JSON-lines file to send"
    )
