"""Which customer each arrival of a run is of, made again from what the load is made from."""

from __future__ import annotations

import numpy as np
import orjson
from numpy.typing import NDArray

from squall.models import SourceSpec, TransactionBatch, TransactionSource

_FIELD = "user_id"
_CHUNK = 8_192


class Customers:
    """Customers by arrival number. Sources without ``user_id`` know none."""

    def __init__(self, spec: SourceSpec, run_tag: str = "") -> None:
        self._source: TransactionSource | None = None
        if _FIELD in spec.available_fields:
            self._source = spec.build(run_tag, frozenset({_FIELD}))

    @property
    def known(self) -> bool:
        """Whether the load has customers at all."""
        return self._source is not None

    def of(self, arrivals: NDArray[np.int64]) -> list[str | None]:
        """The customer on each of these arrivals; None where it has none that is a text."""
        found: list[str | None] = []
        if self._source is None:
            return [None] * len(arrivals)
        for start in range(0, len(arrivals), _CHUNK):
            found += _users(self._source.batch(arrivals[start : start + _CHUNK]))
        return found


def _users(batch: TransactionBatch) -> list[str | None]:
    column = batch.columns[_FIELD].json
    width = column.shape[1]
    content = column.tobytes()
    users = [_text(content[at : at + width]) for at in range(0, len(content), width)]
    for row, changes in batch.overrides.items():
        if _FIELD in changes:
            users[row] = _text(changes[_FIELD])
    return users


def _text(value: bytes | None) -> str | None:
    try:
        text = orjson.loads(value or b"null")
    except ValueError:
        return None
    return text if isinstance(text, str) and text else None
