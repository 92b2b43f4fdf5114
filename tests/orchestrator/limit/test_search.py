import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.orchestrator.limit.search import (
    Bracket,
    Ending,
    Judgement,
    Probe,
    SearchPhase,
    SearchSpec,
    Trial,
    judge,
    majority_confidence,
    next_step,
    summarise,
)

P, F, X = Trial.PASSED, Trial.FAILED, Trial.INVALID


def search(spec: SearchSpec, system: "System") -> tuple[Bracket, dict[float, list[Trial]]]:
    trials: dict[float, list[Trial]] = {}
    while True:
        step = next_step(spec, trials)
        if isinstance(step, Bracket):
            return step, trials
        trials.setdefault(step.rate_tps, []).append(system.run(step.rate_tps))


class System:
    """Holds ``limit_tps``; a run near the limit passes with a logistic probability."""

    def __init__(self, limit_tps: float, blur: float = 0.0, seed: int = 0) -> None:
        self.limit_tps = limit_tps
        self.blur = blur
        self.rng = np.random.default_rng(seed)

    def run(self, rate_tps: float) -> Trial:
        distance = math.log(rate_tps / self.limit_tps)
        if self.blur == 0:
            return P if distance <= 0 else F
        chance = 1 / (1 + math.exp(min(distance / self.blur, 500)))
        return P if self.rng.random() < chance else F


@pytest.mark.parametrize(
    ("trials", "repeats", "expected"),
    [
        ([], 3, Judgement.OPEN),
        ([P], 3, Judgement.OPEN),
        ([P, P], 3, Judgement.HOLDS),  # early: the third cannot change it
        ([F, F], 3, Judgement.BREAKS),
        ([P, F], 3, Judgement.OPEN),
        ([P, F, P], 3, Judgement.HOLDS),
        ([X, F], 3, Judgement.OPEN),  # an invalid run is made again
        ([X, F, P], 3, Judgement.OPEN),
        ([X, F, P, P], 3, Judgement.HOLDS),
        ([X, P, X], 3, Judgement.BREAKS),  # cannot be shown to hold
        ([P], 1, Judgement.HOLDS),
        ([P, P, F, F], 5, Judgement.OPEN),
    ],
)
def test_a_rate_is_judged_by_a_majority_that_cannot_change(
    trials: list[Trial], repeats: int, expected: Judgement
) -> None:
    assert judge(trials, repeats) is expected


def test_majority_confidence_is_the_beta_posterior() -> None:
    assert majority_confidence(0, 0) == 0.5
    assert majority_confidence(2, 0) == 0.875
    assert majority_confidence(3, 0) == 0.9375
    assert majority_confidence(2, 1) == 0.6875


@given(st.integers(0, 40), st.integers(0, 40))
def test_majority_confidence_is_symmetric(successes: int, failures: int) -> None:
    one, other = majority_confidence(successes, failures), majority_confidence(failures, successes)
    assert one + other == pytest.approx(1)


@given(
    limit=st.floats(50, 80_000),
    precision=st.floats(0.01, 0.3),
    repeats=st.sampled_from([1, 3, 5]),
    growth=st.floats(1.2, 4),
)
def test_a_system_without_noise_is_bracketed(
    limit: float, precision: float, repeats: int, growth: float
) -> None:
    spec = SearchSpec(50, 100_000, precision, repeats, growth, max_runs=400)
    found, trials = search(spec, System(limit))
    assert found.ending is Ending.FOUND
    assert found.holds_tps is not None
    assert found.breaks_tps is not None
    assert found.holds_tps <= limit < found.breaks_tps
    whole_tps = found.breaks_tps - found.holds_tps <= 1
    assert found.breaks_tps / found.holds_tps - 1 <= precision + 1e-9 or whole_tps
    assert judge(trials[found.holds_tps], repeats) is Judgement.HOLDS
    assert judge(trials[found.breaks_tps], repeats) is Judgement.BREAKS
    assert not found.contradictory


@settings(max_examples=60)
@given(limit=st.floats(200, 50_000), blur=st.floats(0.001, 0.2), seed=st.integers(0, 2**32 - 1))
def test_the_answer_of_any_noisy_search_is_judged_and_bounded(
    limit: float, blur: float, seed: int
) -> None:
    spec = SearchSpec(100, 100_000)
    found, trials = search(spec, System(limit, blur, seed))
    assert sum(map(len, trials.values())) <= spec.max_runs
    assert all(spec.min_tps <= rate <= spec.max_tps for rate in trials)
    assert all(len(runs) <= spec.repeats for runs in trials.values())
    if found.ending is Ending.FOUND:
        assert found.holds_tps is not None
        assert found.breaks_tps is not None
        assert judge(trials[found.holds_tps], spec.repeats) is Judgement.HOLDS
        assert judge(trials[found.breaks_tps], spec.repeats) is Judgement.BREAKS
        assert found.breaks_tps / found.holds_tps - 1 <= spec.precision + 1e-9


def test_noisy_searches_find_the_known_limit_nine_times_in_ten() -> None:
    limit, spec = 7_300.0, SearchSpec(500, 64_000, precision=0.05, repeats=5)
    answers = [search(spec, System(limit, blur=0.02, seed=seed))[0] for seed in range(200)]
    near = [a for a in answers if a.holds_tps is not None and abs(a.holds_tps / limit - 1) <= 0.075]
    assert len(near) >= 180


def test_more_repeats_do_not_cost_more_where_the_answer_is_clear() -> None:
    _, three = search(SearchSpec(500, 64_000, repeats=3), System(7_300))
    _, nine = search(SearchSpec(500, 64_000, repeats=9), System(7_300))
    passed_ramp = [rate for rate in (500.0, 1000.0, 2000.0) if rate in three]
    assert all(len(three[rate]) == len(nine[rate]) == 1 for rate in passed_ramp)


def test_the_ramp_grows_until_the_first_failure() -> None:
    spec = SearchSpec(100, 10_000)
    assert next_step(spec, {}) == Probe(100, SearchPhase.RAMP, 1)
    assert next_step(spec, {100: [P]}) == Probe(200, SearchPhase.RAMP, 1)
    assert next_step(spec, {100: [P], 200: [F]}) == Probe(200, SearchPhase.CONFIRM, 2)
    assert next_step(spec, {100: [P], 200: [F, F]}) == Probe(141, SearchPhase.BISECT, 1)


def test_the_highest_rate_allowed_is_confirmed() -> None:
    spec = SearchSpec(100, 150)
    trials: dict[float, list[Trial]] = {100: [P], 150: [P]}
    assert next_step(spec, trials) == Probe(150, SearchPhase.CONFIRM, 2)
    trials[150].append(P)
    answer = next_step(spec, trials)
    assert isinstance(answer, Bracket)
    assert answer.ending is Ending.AT_MAXIMUM
    assert (answer.holds_tps, answer.breaks_tps) == (150, None)


def test_below_the_minimum() -> None:
    answer = next_step(SearchSpec(100, 200), {100: [F, F]})
    assert isinstance(answer, Bracket)
    assert answer.ending is Ending.BELOW_MINIMUM
    assert (answer.holds_tps, answer.breaks_tps) == (None, 100)


def test_a_refuted_rate_sends_the_search_down_again() -> None:
    spec = SearchSpec(100, 400, precision=0.5)
    trials: dict[float, list[Trial]] = {100: [P], 200: [P], 283: [F, F]}
    assert next_step(spec, trials) == Probe(200, SearchPhase.CONFIRM, 2)
    trials[200] += [F, F]
    assert next_step(spec, trials) == Probe(141, SearchPhase.BISECT, 1)


def test_invalid_runs_say_that_the_generator_was_the_limit() -> None:
    spec = SearchSpec(100, 400, precision=1)
    answer = next_step(spec, {100: [P, P], 200: [X, X]})
    assert isinstance(answer, Bracket)
    assert answer.limited_by_generator


def test_a_judgement_against_the_order_is_reported() -> None:
    answer = summarise(SearchSpec(100, 400), {100: [P, P], 200: [F, F], 400: [P, P]}, Ending.FOUND)
    assert answer.contradictory


def test_passes_above_and_failures_below_are_evidence_too() -> None:
    answer = summarise(SearchSpec(100, 400), {100: [P], 200: [P, P], 210: [F, F]}, Ending.STOPPED)
    assert answer.holds_confidence == majority_confidence(2, 0)
    assert answer.breaks_confidence == majority_confidence(2, 0)


def test_runs_are_bounded() -> None:
    answer = next_step(SearchSpec(100, 10_000, max_runs=2), {100: [P], 200: [P]})
    assert isinstance(answer, Bracket)
    assert answer.ending is Ending.OUT_OF_RUNS
    assert answer.holds_tps == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_tps": 0},
        {"min_tps": 20, "max_tps": 10},
        {"precision": 0},
        {"repeats": 2},
        {"growth": 1},
        {"max_runs": 0},
    ],
)
def test_bounds_that_make_no_search_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|above"):
        SearchSpec(**({"min_tps": 1, "max_tps": 10} | wrong))  # type: ignore[arg-type]
