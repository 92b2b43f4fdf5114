"""The services as a process, over sockets."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request

import pytest
from tests.fraud_platform.check_services.services import NAMES, RunningChecks

from fraud_platform.main import main

PATHS = {
    "identity": "identity/v1/verifications/u-1",
    "fraud-database": "fraud-database/v1/ranges/device/a0",
    "geolocation": "geolocation/v1/addresses/240.100.101.7",
}


def raw(services: RunningChecks, data: bytes) -> bytes:
    """What comes back until the line is cut."""
    port = int(services.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        received = b""
        while part := line.recv(65536):
            received += part
    return received


@pytest.mark.parametrize("name", NAMES)
def test_each_service_answers_the_same_again(services: RunningChecks, name: str) -> None:
    assert services.get(PATHS[name]) == services.get(PATHS[name])
    assert services.get(f"{name}/_control")["service"] == name


def test_over_the_limit_is_429_with_retry_after(services: RunningChecks) -> None:
    services.call("PATCH", "identity/_control/settings", {"rate_tps": 0.01})
    services.get(PATHS["identity"])
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{services.url}/{PATHS['identity']}", timeout=10)
    assert refused.value.code == 429
    assert 50 <= int(refused.value.headers["Retry-After"]) <= 100
    services.get(PATHS["geolocation"])


def test_an_outage_cuts_the_line_of_its_service_only_and_ends_by_itself(
    services: RunningChecks,
) -> None:
    services.break_it("identity", "outage", lease_s=0.4)
    with pytest.raises((OSError, urllib.error.URLError)):
        services.get(PATHS["identity"])
    services.get(PATHS["geolocation"])
    deadline_s = time.monotonic() + 10.0
    while services.get("identity/_control")["faults"]:
        assert time.monotonic() < deadline_s, "a fault must end with its lease"
        time.sleep(0.02)
    services.get(PATHS["identity"])


def test_a_share_of_errors(services: RunningChecks) -> None:
    fault = services.break_it("geolocation", "errors", share=0.5)
    statuses = [services.call("GET", PATHS["geolocation"])[0] for _ in range(40)]
    assert set(statuses) == {200, 500}
    status, _ = services.call("DELETE", f"geolocation/_control/faults/{fault}")
    assert status == 200
    assert {services.call("GET", PATHS["geolocation"])[0] for _ in range(20)} == {200}


def test_faults_are_renewed_over_the_wire(services: RunningChecks) -> None:
    fault = services.break_it("identity", "latency", add_ms=1, lease_s=1)
    path = f"identity/_control/faults/{fault}/renew"
    status, document = services.call("POST", path, {"lease_s": 100})
    assert status == 200
    assert document["left_s"] > 50
    assert services.call("POST", "identity/_control/faults/f999/renew", {"lease_s": 1})[0] == 404


def test_entries_are_listed_by_hand(services: RunningChecks) -> None:
    path = "fraud-database/_control/entries"
    assert services.call("POST", path, {"entries": [["device", "d-1"]]})[0] == 201
    for wrong in ({}, {"entries": [["card", "c-1"]]}, {"entries": ["d-1"]}):
        assert services.call("POST", path, wrong)[0] == 400
    assert services.call("POST", "identity/_control/entries", {"entries": []})[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "", 404),
        ("GET", "weather", 404),
        ("GET", "identity/v1/verifications", 404),
        ("POST", "identity/v1/verifications/u-1", 405),
        ("PATCH", "identity/_control/settings", 400),
        ("POST", "identity/_control/faults", 400),
        ("PUT", "identity/_control", 404),
        ("DELETE", "identity/_control/faults/f999", 404),
        ("GET", "health", 200),
    ],
)
def test_each_path_has_its_answer(
    services: RunningChecks, method: str, path: str, status: int
) -> None:
    assert services.call(method, path, None if method == "GET" else {})[0] == status


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", b"431"),
    ],
)
def test_what_is_no_request_is_told_so(services: RunningChecks, data: bytes, status: bytes) -> None:
    assert raw(services, data).startswith(b"HTTP/1.1 " + status)
    services.get(PATHS["identity"])


def test_several_requests_on_one_connection(services: RunningChecks) -> None:
    request = f"GET /{PATHS['geolocation']} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    last = request.replace(b"Host: x", b"Connection: close")
    assert raw(services, request * 3 + last).count(b"HTTP/1.1 200 OK") == 4


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff"])
def test_a_control_body_that_is_no_object_is_refused(services: RunningChecks, body: bytes) -> None:
    head = b"POST /identity/_control/faults HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n"
    assert raw(services, head % len(body) + b"\r\n" + body).startswith(b"HTTP/1.1 400")


def test_a_port_in_use_is_one_message(
    services: RunningChecks, capsys: pytest.CaptureFixture[str]
) -> None:
    port = services.url.rpartition(":")[2]
    with pytest.raises(SystemExit) as ended:
        main(["checks", f"--port={port}"])
    assert ended.value.code == 2
    assert "already in use" in capsys.readouterr().err
