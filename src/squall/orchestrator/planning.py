"""From a configuration to everything that decides the load. Pure: reads no clock and no socket."""

from __future__ import annotations

import math
from dataclasses import dataclass

from squall.errors import ConfigurationError
from squall.load_generator import fit_workers
from squall.load_generator.plan import LoadPlan
from squall.load_generator.profiles import build, scaled
from squall.load_generator.rate_controller import RateController
from squall.load_generator.target_spec import TargetSpec
from squall.load_generator.transactions import FactorySpec, ReplaySpec
from squall.load_generator.transactions.places import load_currencies
from squall.models import (
    LoadProfile,
    LoadSpec,
    Mix,
    MixSpec,
    ProbeSpec,
    Scaling,
    SourceSpec,
    StressTestConfig,
    Typology,
)
from squall.models.load_spec import MAX_DURATION_S, MAX_TPS
from squall.models.transactions import ID_DIGITS
from squall.orchestrator.run_ids import run_tag_of
from squall.scenarios.criteria import Criterion, parse_criterion

PLANNED_MAX = 10**ID_DIGITS - 1
"""Most transactions of one run: what fits into a transaction id."""
DURATION_S_MIN = 1.0
REFERENCE_LAG_MIN = 200
REFERENCE_LAG_S = 3.0
"""A refund refers to a purchase sent at least this long before it, so that it has been decided."""

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One run, decided; only the target is still to be resolved."""

    run_id: str
    run_tag: str
    config: StressTestConfig
    load: LoadSpec
    """With rate and time scales inside."""
    profile: LoadProfile
    planned: int
    """Transactions due in the whole run, if nobody changes its rate or stops it."""
    source: SourceSpec
    workers: int
    scaling: Scaling
    criteria: tuple[Criterion, ...]
    probes: tuple[ProbeSpec, ...]
    """With rate and time scales inside."""
    epoch_s: float
    """Where event time ends, Unix seconds: the start of the run's day, so that two runs on one
    day with one seed send the same transactions."""
    rates_as_of: str
    """ISO date of the exchange rates in which money is added up."""
    notes: tuple[str, ...] = ()
    """What will not be measured with these transactions, and why."""

    def load_plan(self, target: TargetSpec) -> LoadPlan:
        """The load against one target.

        Raises ``ConfigurationError`` where the target needs a field that the source lacks.
        """
        missing = target.fields - self.source.available_fields
        if missing:
            raise ConfigurationError(
                f"the target needs transaction fields that are not in the data: "
                f"{', '.join(sorted(missing))}; there are "
                f"{', '.join(sorted(self.source.available_fields))}"
            )
        scenario = self.config.scenario
        return LoadPlan(
            run_tag=self.run_tag,
            seed=self.config.seed,
            load=self.load,
            arrivals=scenario.arrivals,
            source=self.source,
            target=target,
            client=scenario.client,
            workers=self.workers,
            drain_s=scenario.drain_s,
        )


def plan_run(
    config: StressTestConfig,
    *,
    run_id: str,
    started_unix_s: float,
    cores: int,
    replay: ReplaySpec | None = None,
) -> RunPlan:
    """Decide a run, with transactions from ``replay`` or else made by the factory.

    Raises ``ConfigurationError`` for what cannot be sent or judged.
    """
    load = scaled(config.scenario.load, config.rate_scale, config.time_scale)
    profile = build(load, config.seed)
    planned = _checked(config, profile)
    epoch_s = float(started_unix_s // _DAY_S * _DAY_S)
    connections = config.scenario.client.connections
    workers = config.workers or min(fit_workers(profile.peak_tps, cores), connections)
    if workers > connections:
        raise ConfigurationError(
            f"--workers {workers}: more than the {connections} connections of the scenario "
            f"(client.connections); every worker needs at least one"
        )
    return RunPlan(
        run_id=run_id,
        run_tag=run_tag_of(run_id),
        config=config,
        load=load,
        profile=profile,
        planned=planned,
        source=replay or _factory(config, profile, planned, epoch_s),
        workers=workers,
        scaling=_scaling(config, profile),
        criteria=tuple(parse_criterion(text) for text in config.scenario.criteria),
        probes=tuple(
            probe.scaled(config.rate_scale, config.time_scale) for probe in config.scenario.probes
        ),
        epoch_s=epoch_s,
        rates_as_of=min(load_currencies().dates),
        notes=() if replay is None else replay.notes,
    )


def reference_lag(peak_tps: float) -> int:
    """Arrivals between a purchase and the first refund that may refer to it."""
    return max(REFERENCE_LAG_MIN, math.ceil(REFERENCE_LAG_S * peak_tps))


def _checked(config: StressTestConfig, profile: LoadProfile) -> int:
    """The number of planned transactions, if the load as a whole makes sense."""
    scales = f"--rate-scale {config.rate_scale:g}, --time-scale {config.time_scale:g}"
    if profile.peak_tps > MAX_TPS:
        raise ConfigurationError(
            f"the load peaks at {profile.peak_tps:,.0f} TPS with {scales}; "
            f"the most is {MAX_TPS:,.0f}"
        )
    if not DURATION_S_MIN <= profile.duration_s <= MAX_DURATION_S:
        raise ConfigurationError(
            f"the load lasts {describe_span(profile.duration_s)} with {scales}; "
            f"it must be between a second and a week"
        )
    arrivals = config.scenario.arrivals
    planned = RateController(profile, arrivals, config.seed).total_at_end()
    if planned < 1:
        raise ConfigurationError(f"the load has no transaction at all with {scales}")
    if planned > PLANNED_MAX:
        raise ConfigurationError(
            f"the load has {planned:,} transactions with {scales}; one run can account for "
            f"{PLANNED_MAX:,}"
        )
    return planned


def _factory(
    config: StressTestConfig, profile: LoadProfile, planned: int, epoch_s: float
) -> FactorySpec:
    scenario = config.scenario
    return FactorySpec(
        seed=config.seed,
        mix=_mix(scenario.mix),
        population=scenario.population,
        planned=planned,
        epoch_s=epoch_s,
        reference_lag=reference_lag(profile.peak_tps),
    )


def _mix(spec: MixSpec) -> Mix:
    try:
        return spec.to_mix()
    except KeyError as error:
        known = ", ".join(t.name.lower() for t in Typology if t is not Typology.NONE)
        raise ConfigurationError(
            f"mix.typologies: no typology {str(error.args[0]).lower()!r}; there are {known}"
        ) from error


def _scaling(config: StressTestConfig, profile: LoadProfile) -> Scaling:
    written = build(config.scenario.load, config.seed)
    now = f"peak {profile.peak_tps:,.0f} TPS, {describe_span(profile.duration_s)}"
    before = f"peak {written.peak_tps:,.0f} TPS, {describe_span(written.duration_s)}"
    changed = [
        f"{name} × {scale:g}"
        for name, scale in (("rate", config.rate_scale), ("time", config.time_scale))
        if scale != 1
    ]
    default = config.scenario.scale
    whose = (
        " (the scenario's own scale for two cores)"
        if (default.rate, default.time) == (config.rate_scale, config.time_scale)
        else ""
    )
    return Scaling(
        rate_scale=config.rate_scale,
        time_scale=config.time_scale,
        planned_peak_tps=profile.peak_tps,
        duration_s=profile.duration_s,
        statement=(
            f"Scaled: {' and '.join(changed)}{whose}. {now}; the scenario as written has {before}."
            if changed
            else f"As written: {now}."
        ),
    )


def describe_span(seconds: float) -> str:
    """A length of time as people say it: ``54 s``, ``2 min 30 s``, ``2 h``."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{value} {unit}" for value, unit in parts if value)
