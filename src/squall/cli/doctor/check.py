"""What a check of the machine says: a grade, what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Grade(StrEnum):
    """How a check came out. Signs are for the eye, words for everything else."""

    GOOD = "good"
    WARNING = "warning"
    """Runs work, but results may be limited or noisy; or something optional is missing."""
    PROBLEM = "problem"
    """Runs are impossible."""

    @property
    def sign(self) -> str:
        """One character."""
        return {"good": "✓", "warning": "!", "problem": "✗"}[self.value]


@dataclass(frozen=True, slots=True)
class Check:
    """One check, done. ``values`` are the bare figures, with their units in the names."""

    name: str
    grade: Grade
    found: str
    advice: str = ""
    values: Mapping[str, float | str | None] = field(default_factory=dict)


def graded(
    name: str,
    value: float,
    *,
    warn_below: float,
    problem_below: float,
    found: str,
    advice: str,
    values: Mapping[str, float | str | None],
) -> Check:
    """A check of one figure of which more is better; advice is kept where it falls short."""
    if value < problem_below:
        grade = Grade.PROBLEM
    elif value < warn_below:
        grade = Grade.WARNING
    else:
        grade = Grade.GOOD
    return Check(name, grade, found, "" if grade is Grade.GOOD else advice, values)
