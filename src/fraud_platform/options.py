"""What ``serve`` was asked for, in a form that is handed to the platform's other processes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from fraud_platform.agents.compliance import BlockList, read_block_list
from fraud_platform.agents.disturbance import parse_disturbance
from fraud_platform.core.process import CoreOptions
from fraud_platform.learning.model import AGENTS


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The options of ``fraud-platform serve``; paths as text."""

    host: str
    port: int
    data_dir: str
    model_dir: str
    history: str | None
    processes: int
    ready_file: str | None
    queue_limit: int
    power_safe: bool
    block_list: str | None
    disturb: tuple[str, ...]
    allow_disturbance: bool = False
    """Whether agents and gateways may be disturbed over HTTP."""

    def to_json(self) -> str:
        """As one command-line argument."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> ServeOptions:
        """Read what ``to_json`` wrote."""
        content = orjson.loads(text)
        return cls(**{**content, "disturb": tuple(content["disturb"])})

    def core(self) -> CoreOptions:
        """The core's options; raises ``UsageError`` for a bad block list or disturbance."""
        return CoreOptions(
            data_dir=Path(self.data_dir),
            power_safe=self.power_safe,
            block_list=read_block_list(Path(self.block_list)) if self.block_list else BlockList(),
            disturbances=tuple(parse_disturbance(text, AGENTS) for text in self.disturb),
            allow_disturbance=self.allow_disturbance,
        )
