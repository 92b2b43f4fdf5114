from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.wire.timestamps import event_seconds


@settings(deadline=None)
@given(st.integers(0, 4_000_000_000_000))
def test_reads_what_the_contract_writes(milliseconds: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert event_seconds(text) == pytest.approx(milliseconds / 1000, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01t01:00:00.5+01:00", 0.5),
        ("1969-12-31 19:00:00-05:00", 0.0),
        ("2024-02-29T00:00:00.000Z", 1_709_164_800.0),
    ],
)
def test_takes_every_form_of_rfc_3339(text: str, seconds: float) -> None:
    assert event_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-05-01",
        "2026-05-01T12:00:00",
        "20260501T120000.000000Z",
        "2026-W18-5T12:00:00.000Z",
        "2026-05-01T12:00:00,000Z",
        "2026-02-29T12:00:00.000Z",
        "2026-05-01T24:00:00.000Z",
        "2026-05-01T12:00:00.000+25:00",
        "２０26-05-01T12:00:00.000Z",
    ],
)
def test_refuses_everything_else(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|isoformat|range|must be|day"):
        event_seconds(text)
