"""Named mixes of legitimate payments, fraud and edge cases."""

from __future__ import annotations

from squall.errors import ConfigurationError
from squall.models import Mix

MIXES: dict[str, Mix] = {
    "stress": Mix(fraud=0.15, edge_cases=0.05),
    "high": Mix(fraud=0.005, edge_cases=0.0),
    "realistic": Mix(fraud=0.001, edge_cases=0.0),
    "low": Mix(fraud=0.00015, edge_cases=0.0),
    "legitimate": Mix(fraud=0.0, edge_cases=0.0),
}
"""Stress mix 80/15/5; then prevalences of 0.5 %, 0.1 % (Stripe's order of magnitude) and 0.015 %
(EEA cards by count, 2024); and none."""


def mix_named(name: str) -> Mix:
    """The mix of that name; raises ConfigurationError for any other word."""
    if name not in MIXES:
        raise ConfigurationError(f"--mix: no mix {name!r}; there are {', '.join(MIXES)}")
    return MIXES[name]
