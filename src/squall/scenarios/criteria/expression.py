"""A criterion as a tree of values: what the parser makes and the judge walks."""

from __future__ import annotations

from dataclasses import dataclass

from squall.scenarios.criteria.paths import Figure
from squall.scenarios.criteria.units import Unit


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as written, with the unit it counts in."""

    value: float
    unit: Unit

    @property
    def base(self) -> float:
        """In the kind's base unit."""
        return self.value * self.unit.factor


@dataclass(frozen=True, slots=True)
class Portion:
    """A figure times a factor: ``99 % of throughput.offered_tps``; the plain figure for 1."""

    figure: Figure
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """``figure operator limit``, over the whole run or in every phase of one name."""

    left: Portion
    operator: str
    right: Amount | Portion
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """A yes/no figure that must be as ``wanted``."""

    figure: Figure
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Not:
    """The reverse of an expression."""

    part: Expression


@dataclass(frozen=True, slots=True)
class All:
    """True when every part is."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """True when one part is."""

    parts: tuple[Expression, ...]


Expression = Comparison | Truth | Not | All | Either


@dataclass(frozen=True, slots=True)
class Criterion:
    """One success criterion: its text and its tree."""

    text: str
    expression: Expression

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases that it speaks of."""
        return tuple(_phases(self.expression))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures that it names."""
        return tuple(_figures(self.expression))


def _figures(expression: Expression) -> list[Figure]:
    match expression:
        case Comparison(left=left, right=right):
            return [left.figure, *([right.figure] if isinstance(right, Portion) else [])]
        case Truth():
            return [expression.figure]
        case Not():
            return _figures(expression.part)
        case All() | Either():
            return [figure for part in expression.parts for figure in _figures(part)]


def _phases(expression: Expression) -> list[str]:
    match expression:
        case Comparison():
            return [expression.phase] if expression.phase is not None else []
        case Truth():
            return []
        case Not():
            return _phases(expression.part)
        case All() | Either():
            return [name for part in expression.parts for name in _phases(part)]
