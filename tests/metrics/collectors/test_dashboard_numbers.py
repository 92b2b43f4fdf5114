import itertools

from hypothesis import given
from hypothesis import strategies as st

from squall.metrics.collectors.dashboard_numbers import MOST, DashboardNumbers, numbers

DOCUMENT = {
    "mode": "stream",
    "since_s": 12.5,
    "coordinator": {"disagreements": 7, "latency_ms": {"p95": 1.5}},
    "agents": [{"name": "risk", "healthy": True, "timeouts": 3}, {"healthy": False}],
    "slots": [1, 2, 3],
}


def test_numbers_are_found_by_path_and_name() -> None:
    assert numbers(DOCUMENT) == {
        "since_s": 12.5,
        "coordinator.disagreements": 7,
        "coordinator.latency_ms.p95": 1.5,
        "agents.risk.healthy": 1,
        "agents.risk.timeouts": 3,
    }


def test_a_document_without_end_is_cut() -> None:
    assert len(numbers({str(n): n for n in range(MOST + 10)})) == MOST


def test_growth_is_counted_from_the_first_reading() -> None:
    seen = DashboardNumbers()
    for value in (5, 8, 8, 12):
        seen.take({"calls": value}, restarted=False)
    assert seen.figures() == {"calls": 12, "increase.calls": 7}


def test_after_a_restart_it_is_counted_from_0() -> None:
    seen = DashboardNumbers()
    seen.take({"calls": 5}, restarted=False)
    seen.take({"calls": 9}, restarted=False)
    seen.take({"calls": 2}, restarted=True)
    assert seen.figures() == {"calls": 2, "increase.calls": 6}


def test_what_appears_later_grew_from_0() -> None:
    seen = DashboardNumbers()
    seen.take({}, restarted=False)
    seen.take({"external": {"calls": 4}}, restarted=False)
    assert seen.figures()["increase.external.calls"] == 4


@given(st.lists(st.integers(0, 1000), min_size=1))
def test_growth_never_falls_and_is_the_sum_of_rises(values: list[int]) -> None:
    seen = DashboardNumbers()
    for value in values:
        seen.take({"n": value}, restarted=False)
    rises = sum(max(0, b - a) for a, b in itertools.pairwise(values))
    assert seen.figures()["increase.n"] == rises
