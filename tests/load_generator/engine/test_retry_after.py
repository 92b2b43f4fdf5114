"""How long a target asks to be left alone, in either form of the field."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.load_generator.engine.retry_after import wait_s

NOW = datetime(2026, 11, 6, 8, 49, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        (b"0", 0.0),
        (b" 120 ", 120.0),
        (b"Fri, 06 Nov 2026 08:49:37 GMT", 37.0),
        (b"Friday, 06-Nov-26 08:49:37 GMT", 37.0),  # RFC 850
        (b"Fri Nov  6 08:49:37 2026", 37.0),  # asctime()
        (b"Fri, 06 Nov 2026 08:49:00 GMT", 0.0),
        (b"Fri, 06 Nov 2026 08:48:59 GMT", 0.0),
        (b"Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        (b"", 0.0),
        (b"-5", 0.0),
        (b"1.5", 0.0),
        (b"1234567890", 0.0),  # over thirty years: no number of seconds
        (b"soon", 0.0),
        (b"Fri, 99 Nov 2026 08:49:37 GMT", 0.0),
        (b"\xff\xfe", 0.0),
    ],
)
def test_seconds_a_date_and_nonsense(field: bytes, seconds: float) -> None:
    assert wait_s(field, NOW) == seconds


@given(field=st.one_of(st.binary(max_size=40), st.text("0123456789 :,-+aNovGMT").map(str.encode)))
def test_nothing_that_a_target_says_is_an_error(field: bytes) -> None:
    assert wait_s(field, NOW) >= 0.0


@given(date=st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))
def test_a_date_is_so_far_away_as_it_is(date: datetime) -> None:
    field = date.strftime("%a, %d %b %Y %H:%M:%S GMT").encode()
    whole = date.replace(microsecond=0).timestamp()
    assert wait_s(field, NOW) == max(0.0, whole - NOW)
