import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.metrics.coordination import coordination_of
from squall.models import AgentMetrics, Coordination
from squall.results.reports.story import coordination_sentence


def agent(name: str, load: float | None, decisions: int = 100, timeouts: int = 0) -> AgentMetrics:
    return AgentMetrics(name, True, decisions, timeouts, 0, load, None, None, None, None)


def test_what_four_agents_and_their_coordinator_did() -> None:
    found = coordination_of(
        [
            agent("a", 0.1),
            agent("b", 0.3),
            agent("c", 0.1),
            agent("d", 0.1),
            agent("coordinator", 0.2, 200, timeouts=10),
            agent("gateway", 0.9),
        ]
    )
    assert found == Coordination(0.75, 0.95, 1.0, "b")
    assert coordination_sentence(found) == (
        "75 % of the compute was judging, the rest settling; 95.00 % of the decisions had every "
        "agent's vote in time; the busiest agent, b, did 100 % more than the mean."
    )


@pytest.mark.parametrize(
    "agents",
    [[], [agent("a", None)], [agent("a", 0.0), agent("coordinator", 0.0, decisions=0)]],
)
def test_what_is_not_reported_is_not_known(agents: list[AgentMetrics]) -> None:
    assert coordination_of(agents) == Coordination()
    assert coordination_sentence(coordination_of(agents)) == ""


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=8))
def test_imbalance_is_0_to_one_less_than_their_number(loads: list[float]) -> None:
    found = coordination_of([agent(str(n), load) for n, load in enumerate(loads)])
    assert found.imbalance_share is not None
    assert -1e-4 <= found.imbalance_share <= len(loads) - 1 + 1e-4
    assert found.efficiency_share is None
