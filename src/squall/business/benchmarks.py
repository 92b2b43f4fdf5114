"""Published figures of other systems, to give a run a sense of scale."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from squall.models import CompetitiveBenchmarks, PublishedFigure

_ATTRIBUTION = {"primary": "primary source", "secondary": "secondary source"}


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str
    figure: str
    scope: str
    source: str
    attribution: Literal["primary", "secondary"]
    as_of: str


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    note: str
    figures: tuple[_Row, ...]


def competitive_benchmarks() -> CompetitiveBenchmarks:
    """The published figures shipped with squall, each with its source and scope.

    They were measured on other machines, at other times, for other purposes: they are shown beside
    a run and never ranked against it. Every source says whether it was read in the publisher's own
    words ("primary source") or quoted by somebody else ("secondary source").
    """
    text = files("squall.business").joinpath("benchmarks.yaml").read_text(encoding="utf-8")
    content = _File.model_validate(yaml.safe_load(text))
    return CompetitiveBenchmarks(
        figures=tuple(
            PublishedFigure(
                who=row.who,
                figure=row.figure,
                scope=row.scope,
                source=f"{row.source} ({_ATTRIBUTION[row.attribution]})",
                as_of=row.as_of,
            )
            for row in content.figures
        ),
        note=content.note.strip(),
    )
