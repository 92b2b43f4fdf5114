from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud_platform.check_services.draws import share_of
from fraud_platform.check_services.fraud_database import (
    LISTED_SHARES,
    FraudDatabaseAnswers,
    fingerprint,
)
from fraud_platform.check_services.geolocation import GeolocationAnswers, load_plan
from fraud_platform.check_services.identity import NONE_SHARE, PARTIAL_SHARE, IdentityAnswers
from fraud_platform.external.answers import read_identity, read_location, read_range
from fraud_platform.external.findings import Fingerprint
from fraud_platform.learning.history import LEGITIMATE, History

PLAN = load_plan()


@settings(deadline=None)
@given(st.integers(), st.lists(st.text(max_size=10), max_size=4))
def test_draws_are_shares_and_repeat(seed: int, words: list[str]) -> None:
    drawn = share_of(seed, *words)
    assert 0.0 <= drawn < 1.0
    assert drawn == share_of(seed, *words)


def test_identity_levels_come_in_their_shares() -> None:
    answers = IdentityAnswers(3)
    levels = []
    for number in range(4000):
        document = answers.answer(("v1", "verifications", f"u-{number}"))
        assert document is not None
        read_identity(document)
        levels.append(document["level"])
        details = sum(document["details"].values())
        assert details == {"full": 4, "partial": 3, "none": 0}[document["level"]]
    assert abs(levels.count("none") / 4000 - NONE_SHARE) < 0.008
    assert abs(levels.count("partial") / 4000 - PARTIAL_SHARE) < 0.015


def test_another_seed_is_another_world() -> None:
    def levels(seed: int) -> list[object]:
        answers = IdentityAnswers(seed)
        return [answers.answer(("v1", "verifications", f"u-{n}")) for n in range(200)]

    assert levels(1) == levels(1) != levels(2)


@pytest.mark.parametrize("kind", list(LISTED_SHARES))
def test_listed_fingerprints_come_in_their_share(kind: str) -> None:
    answers = FraudDatabaseAnswers(3)
    listed = 0
    for number in range(256):
        document = answers.answer(("v1", "ranges", kind, f"{number:02x}"))
        assert document is not None
        listed += len(read_range(document).suffixes)
    assert listed / 16**6 == pytest.approx(LISTED_SHARES[kind], rel=0.01)


@settings(deadline=None)
@given(st.sampled_from(sorted(LISTED_SHARES)), st.text(max_size=30))
def test_client_and_service_agree_on_fingerprints(kind: str, what: str) -> None:
    ours = Fingerprint.of(kind, what)
    assert (ours.prefix, ours.suffix) == fingerprint(kind, what)


def test_what_is_listed_by_hand_is_listed() -> None:
    answers = FraudDatabaseAnswers(3)
    assert answers.list_by_hand({("device", "d-1"), ("payee", "p-1")}) == 2
    assert answers.list_by_hand({("device", "d-1")}) == 2
    prefix, suffix = fingerprint("device", "d-1")
    document = answers.answer(("v1", "ranges", "device", prefix))
    assert document is not None
    assert suffix in document["entries"]


@pytest.mark.parametrize(
    ("address", "network", "country", "hosting"),
    [
        ("240.100.101.7", "240.100.101.0/24", "US", False),
        ("240.139.255.255", "240.139.255.0/24", "US", False),
        ("240.140.100.100", "240.140.100.0/24", "CA", False),
        ("254.255.200.100", "254.255.200.0/24", None, True),
    ],
)
def test_addresses_of_the_plan_are_where_it_says(
    address: str, network: str, country: str | None, hosting: bool
) -> None:
    document = GeolocationAnswers(3, PLAN).answer(("v1", "addresses", address))
    assert document is not None
    assert (document["network"], document["country"], document["hosting"]) == (
        network, country, hosting,
    )  # fmt: skip
    assert not hosting or document["proxy"]
    read_location(document)


@settings(deadline=None)
@given(st.ip_addresses())
def test_every_address_is_somewhere_and_its_neighbours_too(address: object) -> None:
    answers = GeolocationAnswers(3, PLAN)
    document = answers.answer(("v1", "addresses", str(address)))
    assert document is not None
    read_location(document)
    first = document["network"].partition("/")[0]
    neighbour = answers.answer(("v1", "addresses", first))
    assert neighbour is not None
    assert {**neighbour, "address": ""} == {**document, "address": ""}


def test_the_plan_is_that_of_squalls_transactions(history: History) -> None:
    """Nearly all ordinary payments come from an address in the country that they say."""
    answers = GeolocationAnswers(3, PLAN)
    right = total = 0
    rows = zip(history.transactions, history.label.tolist(), strict=True)
    for t, label in rows:
        if label == LEGITIMATE and t.ip is not None:
            document = answers.answer(("v1", "addresses", t.ip))
            assert document is not None
            right += document["country"] == t.country
            total += 1
    assert total > 1000
    assert right / total > 0.97


@pytest.mark.parametrize(
    "parts",
    [
        (),
        ("v1",),
        ("v1", "addresses"),
        ("v1", "addresses", "somewhere"),
        ("v1", "ranges", "card", "00"),
        ("v1", "ranges", "device", "zz"),
        ("v1", "ranges", "device", "000"),
        ("v1", "verifications"),
        ("v2", "verifications", "u-1"),
    ],
)
def test_there_is_nothing_anywhere_else(parts: tuple[str, ...]) -> None:
    for answers in (IdentityAnswers(3), FraudDatabaseAnswers(3), GeolocationAnswers(3, PLAN)):
        assert answers.answer(parts) is None
