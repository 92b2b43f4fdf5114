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
    """A figure times a factor: ``99 % of throughput.offered_tps``; the plain figure for 1.

    Over the whole run, or in every phase of one name.
    """

    figure: Figure
    factor: float = 1.0
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """``figure operator limit``; a limit of another phase compares two phases of one run."""

    left: Portion
    operator: str
    right: Amount | Portion

    @property
    def portions(self) -> tuple[Portion, ...]:
        """Its sides that are figures."""
        return (self.left, *([self.right] if isinstance(self.right, Portion) else []))


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
        """Names of the phases that it speaks of, each once."""
        return tuple(dict.fromkeys(_phases(self.expression)))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures that it names."""
        return tuple(_figures(self.expression))


def _figures(expression: Expression) -> list[Figure]:
    match expression:
        case Comparison():
            return [portion.figure for portion in expression.portions]
        case Truth():
            return [expression.figure]
        case Not():
            return _figures(expression.part)
        case All() | Either():
            return [figure for part in expression.parts for figure in _figures(part)]


def _phases(expression: Expression) -> list[str]:
    match expression:
        case Comparison():
            return [portion.phase for portion in expression.portions if portion.phase is not None]
        case Truth():
            return []
        case Not():
            return _phases(expression.part)
        case All() | Either():
            return [name for part in expression.parts for name in _phases(part)]
