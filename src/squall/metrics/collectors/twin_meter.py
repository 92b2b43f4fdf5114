"""Usage as the cloud twin's meter counted it: exact, and there at once."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from squall.errors import TargetProtocolError
from squall.models import Usage
from squall.targets import HttpClient

METER_PATH = "/_twin/meter"
BASIS = "the twin's meter"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    service: str
    unit: str
    resource: str
    quantity: float = Field(ge=0)


class _Meter(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    usage: tuple[_Entry, ...]


async def read_twin_meter(client: HttpClient) -> tuple[Usage, ...] | None:
    """Running totals; None where no twin answers there.

    Raises:
        TargetUnreachable: nothing answers.
        TargetProtocolError: what answers is no twin's meter.
    """
    answer = await client.get(METER_PATH)
    if answer.status != 200:
        return None
    try:
        meter = _Meter.model_validate_json(answer.body)
    except ValidationError as error:
        raise TargetProtocolError(f"{METER_PATH}: not a twin's meter: {error}") from error
    return tuple(Usage(e.service, e.unit, e.resource, e.quantity) for e in meter.usage)
