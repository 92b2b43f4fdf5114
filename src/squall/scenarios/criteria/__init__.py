"""Success criteria: readable expressions over a run's result. See ``docs/criteria.md``."""

from squall.scenarios.criteria.expression import Criterion
from squall.scenarios.criteria.judge import judge, judge_live, proven_failures, verdict
from squall.scenarios.criteria.parser import parse_criterion

__all__ = [
    "Criterion", "judge", "judge_live", "parse_criterion", "proven_failures", "verdict",
]  # fmt: skip
