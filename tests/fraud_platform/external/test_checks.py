"""The checks against the real services, with everything that can go wrong with them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.fraud_platform.check_services.services import NAMES, RunningChecks

from fraud_platform.agents.coordinator import Coordinator
from fraud_platform.agents.evidence import Evidence, Votes
from fraud_platform.agents.runner import Absence
from fraud_platform.external import (
    CheckRequest,
    ChecksOptions,
    ExternalChecks,
    Findings,
    request_of,
    with_findings,
    worth_checking,
)
from fraud_platform.external.lookup import Source
from fraud_platform.learning.history import History, read_history
from fraud_platform.learning.model import AGENTS, LearnedModel
from fraud_platform.state.features import FeatureExtractor

LONG_S = 20.0


@contextmanager
def opened(url: str, tps: float = 50_000.0, timeout_s: float = 5.0) -> Iterator[ExternalChecks]:
    checks = ExternalChecks(ChecksOptions.at(url, tps, tps, tps, timeout_s), seed=1)
    try:
        yield checks
    finally:
        checks.close()


def requests(count: int, first: int = 0) -> list[CheckRequest]:
    return [
        CheckRequest(f"u-{n}", f"d-{n}", f"p-{n}", f"240.{100 + n % 40}.{n // 100}.{n % 100}", "US")
        for n in range(first, first + count)
    ]


def sources(found: list[Findings]) -> Counter[Source]:
    return Counter(
        one.source
        for f in found
        for one in (f.identity, f.device, f.payee, f.address, f.location)
        if one is not None
    )


def test_findings_are_what_the_services_say(services: RunningChecks) -> None:
    (request,) = requests(1)
    services.call("POST", "fraud-database/_control/entries", {"entries": [["device", "d-0"]]})
    with opened(services.url) as checks:
        (found,) = checks.check([request], LONG_S)
        assert found.identity is not None
        assert found.identity.value is not None
        level = services.get("identity/v1/verifications/u-0")["level"]
        assert found.identity.value.level.value == level
        assert found.device is not None
        assert found.device.listed is True
        assert found.location is not None
        assert found.location.value is not None
        assert found.location.value.country == "US"
        assert not found.missing
        assert checks.check([], LONG_S) == []
        assert sources(checks.check([request], LONG_S)) == {Source.CACHE: 5}


def test_ids_of_any_form_are_asked_about_safely(services: RunningChecks) -> None:
    odd = ["a/b", "..", "ü ?#%", "x" * 200]
    with opened(services.url) as checks:
        found = checks.check([CheckRequest(i, i, i, "not an address", "DE") for i in odd], LONG_S)
    assert all(f.location is None for f in found)
    assert sources(found)[Source.DEFAULT] == 0


def test_geolocation_failing_now_and_then_is_covered(services: RunningChecks) -> None:
    """R6.3: 30 % errors; every address still gets a place, from somebody."""
    with opened(services.url) as checks:
        checks.check(requests(80), LONG_S)
        services.break_it("geolocation", "errors", share=0.3)
        found = checks.check(requests(300, first=100), LONG_S)
        figures = checks.figures()
    assert all(f.location is not None and f.location.value is not None for f in found)
    assert figures["geolocation"]["failures"] > 30
    assert figures["geolocation"]["retries"] > 0
    assert figures["geolocation"]["breaker"]["transitions"] == 0
    by_source = Counter(f.location.source for f in found if f.location is not None)
    # Addresses of one network share its lookup, and so its fallback.
    assert by_source[Source.NEIGHBOUR] >= figures["geolocation"]["neighbours"] > 0
    assert figures["geolocation"]["defaults"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_slow_answers_open_the_breaker_and_the_rest_goes_on(
    services: RunningChecks, name: str
) -> None:
    """R6.4, with a limit of half a second in place of five."""
    fault = services.break_it(name, "latency", add_ms=3000)
    key = name.replace("-", "_")
    with opened(services.url, timeout_s=0.5) as checks:
        state, number = "closed", 0
        deadline_s = time.monotonic() + LONG_S
        while state == "closed":
            assert time.monotonic() < deadline_s, "slow answers must open the breaker"
            checks.check(requests(1, first=number), 1.0)
            state, number = checks.figures()[key]["breaker"]["state"], number + 1
        begun_s = time.monotonic()
        found = checks.check(requests(50, first=1000), 5.0)
        assert time.monotonic() - begun_s < 3.0
        figures = checks.figures()
        assert figures[key]["breaker"]["latest"][0]["reason"] == "3 slow answers in a row"
        assert figures[key]["without_service"]["breaker_open"] >= 50
        for other in {"identity", "fraud_database", "geolocation"} - {key}:
            assert figures[other]["breaker"]["state"] == "closed"
        assert len(found) == 50
        services.call("DELETE", f"{name}/_control/faults/{fault}")
        deadline_s = time.monotonic() + LONG_S
        while checks.figures()[key]["breaker"]["state"] != "closed":
            assert time.monotonic() < deadline_s, "a well service closes it again"
            checks.check(requests(2, first=(number := number + 2)), 1.0)


@pytest.mark.parametrize("how", ["outage", "nobody there"])
def test_with_all_of_them_down_findings_are_open_and_cost_no_time(
    services: RunningChecks, how: str
) -> None:
    """R6.5."""
    url = services.url
    if how == "outage":
        for name in NAMES:
            services.break_it(name, "outage")
    else:
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with opened(url) as checks:
        for first in range(0, 400, 50):
            begun_s = time.monotonic()
            found = checks.check(requests(50, first), 2.0)
            assert time.monotonic() - begun_s < 4.0
            assert set(sources(found)) == {Source.DEFAULT}
            assert all(f.missing for f in found)
        figures = checks.figures()
    for key in ("identity", "fraud_database", "geolocation"):
        assert figures[key]["breaker"]["state"] != "closed"
        assert figures[key]["calls"] < 400


def test_a_limit_that_is_lower_than_ours_is_respected(services: RunningChecks) -> None:
    services.break_it("identity", "rate_limit", rate_tps=2)
    with opened(services.url) as checks:
        found = checks.check(requests(40), 0.3)
        again = checks.check(requests(40, first=100), 0.3)
        figures = checks.figures()["identity"]
    assert figures["throttled"] >= 1
    assert figures["calls"] <= 20, "after the first refusals nobody asks until Retry-After"
    assert figures["breaker"]["state"] == "closed"
    assert len(found) == len(again) == 40


def test_caches_shrink_when_told_to(services: RunningChecks) -> None:
    with opened(services.url) as checks:
        checks.check(requests(60), LONG_S)
        checks.shrink_caches(10)
        figures = checks.figures()
    for key in ("identity", "fraud_database", "geolocation"):
        assert figures[key]["cache"]["entries"] <= 10


BATCH = 2_000
MICRO_BATCH = 250


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> History:
    """As many transactions per customer as squall's runs have at their usual population: 40."""
    path = tmp_path_factory.mktemp("stream") / "stream.parquet"
    command = [sys.executable, "-m", "squall.cli.main", "data", "generate", f"--out={path}"]
    command += ["--count=34000", "--seed=5", "--population=850"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return read_history(path)


def test_rate_limit_and_caches_on_squalls_own_transactions(
    services: RunningChecks, stream: History, model: LearnedModel
) -> None:
    """R6.1 and R6.2, from a cold start, at the services' usual limits."""
    for name, tps in zip(NAMES, (50, 200, 200), strict=True):
        services.call("PATCH", f"{name}/_control/settings", {"rate_tps": tps})
    checks = ExternalChecks(ChecksOptions.at(services.url), seed=1)
    extractor, agents = FeatureExtractor(model.scales), model.agents()
    coordinator = Coordinator(model.weights)
    changed = 0
    for start in range(0, len(stream), BATCH):
        part = stream.transactions[start : start + BATCH]
        evidence = Evidence(part, extractor.observe(part))
        votes: list[Votes | Absence] = [agent.judge(evidence) for agent in agents]
        settled = coordinator.settle(votes, len(evidence))
        wanted = [request_of(t) for t in part]
        rows = worth_checking(settled, votes, wanted, AGENTS)
        found: list[Findings] = []
        for first in range(0, len(part), MICRO_BATCH):
            micro = range(first, first + MICRO_BATCH)
            found += checks.check([wanted[row] for row in rows if row in micro], LONG_S)
        asked = [wanted[row] for row in rows]
        after, _ = with_findings(settled, votes, rows, asked, found, AGENTS)
        moved = (after.decision != settled.decision).nonzero()[0].tolist()
        assert set(moved) <= set(rows)
        changed += len(moved)
    figures = checks.figures()
    checks.close()
    assert 0 < figures["transactions"] < 0.1 * len(stream), "most need no check"
    assert changed > 0
    assert figures["identity"]["saved_share"] > 0.6
    assert figures["fraud_database"]["cache_hit_share"] > 0.7
    for key in ("identity", "fraud_database", "geolocation"):
        assert figures[key]["throttled"] == 0, "below the services' limits"
