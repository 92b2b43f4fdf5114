from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.probes.remembering_platform import (
    ACCOUNTING,
    RUN,
    SOURCE,
    STARTED_S,
    WORDS,
    RememberingPlatform,
)

from squall.errors import ConfigurationError
from squall.models import ProfileConsistency
from squall.probes.platform_interface import LoggedDecision
from squall.probes.probe import ConcludedLoad, Measured
from squall.probes.profile_consistency import Decided, ProfileConsistencyProbe, fits
from squall.targets.installation import Installation

SPEC = ProfileConsistency(type="profile_consistency", name="profiles", count=10_000)
MANY = 300


@pytest.fixture
def platform() -> RememberingPlatform:
    made = RememberingPlatform()
    made.decide(MANY)
    return made


def hurrying() -> Callable[[], float]:
    """A clock on which patience ends after two looks."""
    times: Iterator[int] = count(0, 8)
    return lambda: float(next(times))


async def measure(platform: RememberingPlatform, spec: ProfileConsistency = SPEC) -> Measured:
    async with platform.serving() as installation:
        probe = ProfileConsistencyProbe(spec, installation, seed=1, clock=hurrying())
        await probe.prepare()
        measured = await probe.conclude(ConcludedLoad(RUN, ACCOUNTING, SOURCE, STARTED_S, 1.0))
        await probe.close()
    return measured


async def test_profiles_that_fit(platform: RememberingPlatform) -> None:
    measured = await measure(platform)
    assert measured.figures == {
        "profiles": len(platform.profiles), "inconsistent": 0, "missing": 0,
    }  # fmt: skip
    assert measured.notes == ()


async def test_only_so_many_are_looked_at(platform: RememberingPlatform) -> None:
    spec = SPEC.model_copy(update={"count": 7})
    measured = await measure(platform, spec)
    assert measured.figures["profiles"] == len(set(platform.asked)) == 7


async def test_differences_and_gaps_are_counted_and_named(platform: RememberingPlatform) -> None:
    wrong, gone = sorted(platform.profiles)[:2]
    platform.profiles[wrong]["decisions"]["REVIEW"] += 1
    del platform.profiles[gone]
    measured = await measure(platform)
    assert (measured.figures["inconsistent"], measured.figures["missing"]) == (1, 1)
    assert measured.notes == (f"inconsistent: {wrong}", f"missing: {gone}")


async def test_profiles_that_are_written_late_are_waited_for(
    platform: RememberingPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = sorted(platform.profiles)[0]
    complete = platform.profiles.pop(late)
    respond = platform._respond

    def then(target: str, fields: dict[str, str]) -> bytes:
        answer = respond(target, fields)
        if target.endswith(late):
            platform.profiles[late] = complete
        return answer

    monkeypatch.setattr(platform, "_respond", then)
    measured = await measure(platform)
    assert (measured.figures["inconsistent"], measured.figures["missing"]) == (0, 0)
    assert platform.asked.count(late) == 2


async def test_customers_known_before_the_run_say_nothing(platform: RememberingPlatform) -> None:
    old = sorted(platform.profiles)[0]
    platform.profiles[old]["known_since_s"] = STARTED_S - 3_600
    platform.profiles[old]["transactions"] += 5
    measured = await measure(platform)
    assert measured.figures["profiles"] == len(platform.profiles) - 1
    assert measured.figures["inconsistent"] == 0
    assert "1 customers were known" in measured.notes[0]


async def test_a_platform_without_profiles_is_not_measured(platform: RememberingPlatform) -> None:
    for profile in platform.profiles.values():
        profile["habits"] = None
    measured = await measure(platform)
    assert dict(measured.figures) == {}
    assert "inline mode" in measured.notes[0]


def test_it_needs_the_platform() -> None:
    with pytest.raises(ConfigurationError, match="profiles needs the reference platform"):
        ProfileConsistencyProbe(SPEC, Installation(), seed=1)


decisions = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(1, 10**8)), min_size=1)


def decided_and_profile(rows: list[tuple[str, int]]) -> tuple[Decided, dict[str, Any]]:
    platform = RememberingPlatform()
    decided = Decided()
    for number, (word, amount) in enumerate(rows):
        platform.decisions.append(("u", f"{RUN}-{number:012d}", word, amount))
        decided.add(LoggedDecision(f"{RUN}-{number:012d}", word, amount))
    return decided, platform.profile("u")


@given(decisions)
def test_what_was_decided_fits(rows: list[tuple[str, int]]) -> None:
    decided, profile = decided_and_profile(rows)
    assert fits(profile, decided)


@given(decisions, st.sampled_from(WORDS), st.integers(1, 3), st.data())
def test_anything_else_does_not(
    rows: list[tuple[str, int]], word: str, more: int, data: st.DataObject
) -> None:
    decided, profile = decided_and_profile(rows)
    counted = deepcopy(profile)
    counted["decisions"][word] += more
    assert not fits(counted, decided)
    counted["transactions"] += more
    assert not fits(counted, decided)
    place = data.draw(st.integers(0, len(profile["recent"]) - 1))
    for key, value in (("transaction_id", "other-1"), ("amount", -1), ("decision", "REFUSED")):
        changed = deepcopy(profile)
        changed["recent"][place][key] = value
        assert not fits(changed, decided)
    assert not fits({**profile, "recent": []}, decided)
