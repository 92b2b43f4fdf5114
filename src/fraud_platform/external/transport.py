"""JSON over HTTP to one external service."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
import urllib3
from urllib3.exceptions import HTTPError, TimeoutError

from fraud_platform.external.answers import (
    FailedCheckError,
    SlowCheckError,
    ThrottledCheckError,
)

_LONGEST_PAUSE_S = 60.0
_SHORTEST_PAUSE_S = 0.05


class JsonService:
    """Reads ``base_url`` + path; may be used from many threads."""

    def __init__(self, base_url: str, connections: int) -> None:
        self._base_url = base_url.rstrip("/")
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=connections, retries=False)

    def get(self, *parts: str, timeout_s: float) -> dict[str, Any]:
        """The object at a path; parts are quoted. Raises ``CheckError``."""
        url = "/".join([self._base_url, *(_segment(part) for part in parts)])
        try:
            answer = self._pool.request("GET", url, timeout=urllib3.Timeout(total=timeout_s))
        except TimeoutError as error:
            raise SlowCheckError(f"{url}: no answer within {timeout_s:g} s") from error
        except HTTPError as error:
            raise FailedCheckError(f"{url}: {error}") from error
        if answer.status == 429:
            raise ThrottledCheckError(_pause_s(answer.headers.get("Retry-After")))
        if answer.status != 200:
            raise FailedCheckError(f"{url}: answered {answer.status}")
        try:
            document = orjson.loads(answer.data)
        except ValueError as error:
            raise FailedCheckError(f"{url}: not JSON: {error}") from error
        if not isinstance(document, dict):
            raise FailedCheckError(f"{url}: not a JSON object")
        return document

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()


def _segment(part: str) -> str:
    """A part as one path segment; dots alone would be taken for directories."""
    quoted = quote(part, safe="")
    return quoted.replace(".", "%2E") if quoted.strip(".") == "" else quoted


def _pause_s(header: str | None) -> float:
    try:
        return min(max(float(header or 1.0), _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S)
    except ValueError:
        return 1.0  # a date, which only matters to who waits for hours
