from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fraud_platform.documents import transaction

from fraud_platform.external.answers import (
    FailedCheckError,
    read_identity,
    read_location,
    read_range,
)
from fraud_platform.external.findings import Fingerprint, network_of, request_of


@settings(deadline=None)
@given(st.ip_addresses())
def test_an_address_is_in_its_network_and_that_in_the_wider_one(address: object) -> None:
    network, wider = network_of(str(address)), network_of(str(address), wider=True)
    assert network is not None
    assert wider is not None
    assert ip_address(str(address)) in ip_network(network)
    assert network_of(network.partition("/")[0], wider=True) == wider


@settings(deadline=None)
@given(st.text(max_size=20))
def test_what_is_no_address_has_no_network(text: str) -> None:
    if network_of(text) is not None:
        ip_address(text)


def test_a_request_has_what_can_be_asked_about() -> None:
    request = request_of(transaction(1, ip=None, device_id=None))
    assert (request.customer, request.device, request.ip) == ("u-1", None, None)
    assert request.country == "DE"


def test_a_fingerprint_does_not_tell_kinds_apart_by_chance() -> None:
    device, payee = Fingerprint.of("device", "x"), Fingerprint.of("payee", "x")
    assert (device.prefix, device.suffix) != (payee.prefix, payee.suffix)
    assert len(device.prefix) == 2
    assert len(device.suffix) == 4


PLACE = {"country": "DE", "latitude": 52.5, "longitude": 13, "proxy": False, "valid_s": 1}


@pytest.mark.parametrize(
    ("read", "document"),
    [
        (read_identity, {}),
        (read_identity, {"level": "some", "valid_s": 1}),
        (read_identity, {"level": ["full"], "valid_s": 1}),
        (read_identity, {"level": "full"}),
        (read_identity, {"level": "full", "valid_s": 0}),
        (read_identity, {"level": "full", "valid_s": True}),
        (read_range, {"entries": ["a"], "valid_s": 1}),
        (read_range, {"valid_s": 1}),
        (read_location, {**PLACE, "country": 7}),
        (read_location, {**PLACE, "proxy": None}),
        (read_location, {**PLACE, "latitude": "north"}),
        (read_location, {**PLACE, "valid_s": float("nan")}),
    ],
)
def test_a_malformed_answer_is_a_failure(read: Any, document: dict[str, Any]) -> None:
    with pytest.raises(FailedCheckError):
        read(document)


def test_a_hosting_providers_network_has_no_place() -> None:
    nowhere = {"country": None, "latitude": None, "longitude": None, "proxy": True}
    assert read_location({**nowhere, "valid_s": 1}).country is None
    assert read_location(PLACE).longitude == 13.0
