from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.results.example import small_results

from squall.errors import DataFileError
from squall.models import CriterionResult, TestResults
from squall.results import from_json, to_json

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_the_round_trip_is_exact(passed: TestResults, failed: TestResults) -> None:
    for results in (passed, failed):
        assert from_json(to_json(results)) == results


@given(
    measured=st.one_of(st.none(), st.booleans(), FINITE, st.text()),
    rate=FINITE,
    errors=st.dictionaries(st.text(), st.integers(0, 2**62)),
    seed=st.integers(0, 2**63 - 1),
)
def test_the_round_trip_is_exact_for_any_values(
    measured: float | bool | str | None, rate: float, errors: dict[str, int], seed: int
) -> None:
    base = _SMALL
    results = dataclasses.replace(
        base,
        criteria=(CriterionResult("x", None, measured, "é\x00\u2028"),),
        throughput=dataclasses.replace(base.throughput, peak_tps=rate),
        errors=errors,
        seed=seed,
    )
    again = from_json(to_json(results))
    assert again == results
    assert type(again.criteria[0].measured) is type(measured)


_SMALL = small_results()


def test_it_has_the_documented_fields() -> None:
    tree = json.loads(to_json(_SMALL))
    assert {
        "run_id",
        "scenario",
        "seed",
        "started_at",
        "status",
        "verdict",
        "environment",
        "criteria",
        "accounting",
        "throughput",
        "latency_ms",
        "errors",
        "detection",
        "generator",
        "faults",
        "resources",
        "business",
    } <= tree.keys()
    assert {"planned", "accepted", "seen", "lost", "reconciled"} <= tree["accounting"].keys()
    assert {"offered_tps", "accepted_tps", "peak_tps"} <= tree["throughput"].keys()
    for kind in ("response", "service", "lateness", "decision"):
        assert {"p50", "p90", "p95", "p99", "p999", "max"} <= tree["latency_ms"][kind].keys()
    assert {"cpu_us_per_request", "lateness_p99_ms", "limited"} <= tree["generator"].keys()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_null_where_null_is_allowed(value: float) -> None:
    results = dataclasses.replace(
        _SMALL,
        error_rate=value,
        detection=dataclasses.replace(_SMALL.detection, recall_interval=(value, 0.5)),
    )
    document = to_json(results)
    json.loads(document, parse_constant=lambda name: pytest.fail(f"wrote {name}"))
    assert from_json(document).error_rate is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_a_noted_zero_where_a_number_is_due(value: float) -> None:
    broken = dataclasses.replace(_SMALL.throughput, accepted_tps=value)
    agents = (dataclasses.replace(_SMALL.agents[0], load=value), *_SMALL.agents[1:])
    results = dataclasses.replace(
        _SMALL,
        throughput=broken,
        agents=agents,
        errors={},
        resources={
            "target": dataclasses.replace(_SMALL.resources["target"], cpu_cores=value),
        },
    )
    again = from_json(to_json(results))
    assert again.throughput.accepted_tps == 0
    assert again.resources["target"].cpu_cores == 0
    assert again.agents[0].load is None
    assert again.notes[-1] == (
        "not a finite number, written as 0: throughput.accepted_tps, resources.target.cpu_cores"
    )


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "result.json is not a squall result"),
        (b"[]", "result.json is not a squall result"),
        (b'{"run_id": 3}', "run_id"),
        (b"\xff\xfe", "not a squall result"),
    ],
)
def test_what_is_no_result_gets_one_message(document: bytes, said: str) -> None:
    with pytest.raises(DataFileError) as caught:
        from_json(document, "result.json")
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 13
