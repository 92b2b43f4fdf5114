"""How the function is set up: environment variables, set by CloudFormation or the platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from fraud_platform.agents.compliance import BlockList
from fraud_platform.agents.disturbance import Disturbance, parse_disturbance
from fraud_platform.errors import UsageError
from fraud_platform.learning.model import AGENTS
from fraud_platform.stream.names import ResourceNames, names_from

AGENT_DEADLINE_S = 0.25
"""Time the agents have for a micro-batch: a function's processor may be a small share of one."""

RETENTION_DAYS = 400
"""How long a decision is kept: a card payment may be disputed for more than a year."""
_DAY_S = 86_400

SECOND_LOOK_S = 0.5
"""Time for each of the external checks and the reasoning, per batch: the shard waits for them."""

ALLOW_DISTURBANCE = "FRAUD_ALLOW_DISTURBANCE"
"""The variable that a gateway on AWS looks at too: it offers what functions follow."""


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """Everything a function has to be told."""

    names: ResourceNames
    model_key: str
    """Key of the model in the bucket."""
    agent_deadline_s: float = AGENT_DEADLINE_S
    second_look_s: float = SECOND_LOOK_S
    block_list_key: str | None = None
    disturbances: tuple[Disturbance, ...] = ()
    allow_disturbance: bool = False
    """Whether it follows the disturbances in the coordination table."""
    reasoning_model: str | None = None
    """Model id on Bedrock; None: borderline cases stay as the agents settled them."""
    external_url: str | None = None
    """Where the external checks are; None: there are none."""
    retention_s: float = RETENTION_DAYS * _DAY_S
    """How long decisions are kept; 0: for ever."""


def settings_from(environment: Mapping[str, str]) -> FunctionSettings:
    """Read the environment variables; raises ``UsageError``."""
    model = environment.get("FRAUD_MODEL_KEY")
    if not model:
        raise UsageError("FRAUD_MODEL_KEY is not set: give the key of the model in the bucket")
    return FunctionSettings(
        names=names_from(environment),
        model_key=model,
        agent_deadline_s=_seconds(environment, "FRAUD_AGENT_DEADLINE_MS", AGENT_DEADLINE_S),
        second_look_s=_seconds(environment, "FRAUD_SECOND_LOOK_MS", SECOND_LOOK_S),
        block_list_key=environment.get("FRAUD_BLOCK_LIST_KEY") or None,
        disturbances=tuple(
            parse_disturbance(text, AGENTS)
            for text in environment.get("FRAUD_DISTURB", "").split(",")
            if text
        ),
        allow_disturbance=environment.get(ALLOW_DISTURBANCE) == "1",
        reasoning_model=environment.get("FRAUD_REASONING_MODEL") or None,
        external_url=environment.get("FRAUD_EXTERNAL_URL") or None,
        retention_s=_days(environment.get("FRAUD_RETENTION_DAYS", "")) * _DAY_S,
    )


def block_list_bytes(block_list: BlockList) -> bytes:
    """A block list as the object that the function reads."""
    return orjson.dumps(
        {"parties": sorted(block_list.parties), "countries": sorted(block_list.countries)}
    )


def block_list_from(content: bytes) -> BlockList:
    """What ``block_list_bytes`` wrote; raises ``UsageError``."""
    try:
        document = orjson.loads(content)
        return BlockList(frozenset(document["parties"]), frozenset(document["countries"]))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise UsageError(f"the block list in the bucket cannot be read: {error}") from error


def _days(text: str) -> int:
    if not text:
        return RETENTION_DAYS
    if not text.isdecimal() or int(text) > 36_500:
        raise UsageError(f"FRAUD_RETENTION_DAYS={text}: must be 0 (for ever) to 36500 days")
    return int(text)


def _seconds(environment: Mapping[str, str], name: str, default_s: float) -> float:
    text = environment.get(name)
    if not text:
        return default_s
    try:
        value_s = float(text) / 1000.0
    except ValueError as error:
        raise UsageError(f"{name}={text}: must be a number of milliseconds") from error
    if not 0.001 <= value_s <= 900.0:
        raise UsageError(f"{name}={text}: must be 1 to 900000 milliseconds")
    return value_s
