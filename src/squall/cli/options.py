"""From what a user writes on the command line to a run's configuration."""

from __future__ import annotations

import re
from urllib.parse import unquote

from pydantic import ValidationError

from squall.errors import ConfigurationError, Problem
from squall.models import StressTestConfig, TestScenario
from squall.models.scenario import DEFAULT_SEED

DEFAULT_TARGET = "inline"

_CREDENTIALS = re.compile(r"https?://[^/?#&\s]*@", re.IGNORECASE)
"""A user name or password in a target's own URL, or in one that is an option of it."""

_OPTIONS = {
    "target": "--target",
    "seed": "--seed",
    "rate_scale": "--rate-scale",
    "time_scale": "--time-scale",
    "workers": "--workers",
    "environment": "--env",
    "replay": "--replay",
}


def make_config(
    scenario: TestScenario,
    *,
    target: str | None = None,
    seed: int = DEFAULT_SEED,
    rate_scale: float | None = None,
    time_scale: float | None = None,
    workers: int | None = None,
    environment: str = "local",
    replay: str | None = None,
) -> StressTestConfig:
    """A run's configuration; what is None is as the scenario has it.

    Raises ``ConfigurationError`` that names every wrong option.
    """
    target = target or scenario.target or DEFAULT_TARGET
    _refuse_credentials(target)
    try:
        return StressTestConfig(
            scenario=scenario,
            target=target,
            seed=seed,
            rate_scale=scenario.scale.rate if rate_scale is None else rate_scale,
            time_scale=scenario.scale.time if time_scale is None else time_scale,
            workers=workers,
            environment=environment,
            replay=replay,
        )
    except ValidationError as error:
        problems = [
            Problem(
                f"{_OPTIONS.get(str(wrong['loc'][0]), wrong['loc'][0])} {wrong['input']}",
                "",
                wrong["msg"].lower(),
            )
            for wrong in error.errors()
        ]
        raise ConfigurationError("\n".join(map(str, problems))) from None


def _refuse_credentials(target: str) -> None:
    """Before the target is shown or stored anywhere; the message does not repeat it either."""
    if _CREDENTIALS.search(target) or _CREDENTIALS.search(unquote(target)):
        raise ConfigurationError(
            "--target: a URL must not hold a user name or password; send them as a header in a "
            "target file, for instance Authorization: ${env:TOKEN}"
        )
