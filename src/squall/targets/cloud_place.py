"""Which cloud services a target is made of, for those who watch them during a run."""

from __future__ import annotations

from dataclasses import dataclass

from squall.load_generator.target_spec import Endpoint


@dataclass(frozen=True, slots=True)
class CloudPlace:
    """Names of what a target uses, as its user gave them, and where its requests go."""

    endpoint: Endpoint
    streams: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
