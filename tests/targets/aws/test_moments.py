"""Moments in a table, in the forms that people keep them in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.targets.aws.moments import moment_of

AT_S = 1_795_000_000.25


@pytest.mark.parametrize(
    ("attribute", "moment_s"),
    [
        ({"N": "1795000000.25"}, AT_S),
        ({"N": "1795000000"}, 1_795_000_000.0),
        ({"N": "1795000000250"}, AT_S),
        ({"N": "1795000000250000"}, AT_S),
        ({"N": "1795000000250000000"}, AT_S),
        ({"S": "1795000000250"}, AT_S),
        ({"S": "2026-11-18T10:26:40.25Z"}, 1_794_997_600.25),
        ({"S": "2026-11-18T12:26:40+02:00"}, 1_794_997_600.0),
        ({"S": "2026-11-18T10:26:40"}, 1_794_997_600.0),
        ({"S": "yesterday"}, None),
        ({"S": ""}, None),
        ({"N": "0"}, None),
        ({"N": "-5"}, None),
        ({"S": "nan"}, None),
        ({"N": "1e30"}, None),
        ({"BOOL": True}, None),
        ({}, None),
    ],
)
def test_forms(attribute: dict[str, Any], moment_s: float | None) -> None:
    assert moment_of(attribute) == (moment_s and pytest.approx(moment_s, abs=1e-6))


@given(st.datetimes(datetime(1974, 1, 1), datetime(2200, 1, 1)))
def test_all_forms_of_a_moment_agree(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    micros = round(moment.timestamp() * 1e6)
    for text in (f"{micros / 1e6:.6f}", f"{micros / 1e3:.3f}", str(micros)):
        assert moment_of({"N": text}) == pytest.approx(micros / 1e6, abs=1e-6)
    assert moment_of({"S": moment.isoformat()}) == pytest.approx(micros / 1e6, abs=1e-6)
