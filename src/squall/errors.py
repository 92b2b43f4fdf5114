"""Every error squall raises on purpose.

    SquallError
    ├── ConfigurationError        exit 2: a file, option or field the user can correct
    │   ├── ScenarioError         … in a scenario, with every problem found in it
    │   ├── CriterionError        … in one success criterion, with its position
    │   ├── TargetFileError       … in a target file, likewise
    │   └── DataFileError         … in a Parquet, CSV or JSON-lines file of transactions
    ├── TargetError               exit 2: the target cannot be used at all
    │   ├── TargetUnreachable     nothing answers there
    │   └── TargetProtocolError   something answers, but not what the target file describes
    ├── StoreError                exit 2: the results store cannot be opened, read or written
    ├── WorkerFailure             exit 4: every load worker has died
    └── IllegalTransition         a programming error: a run was asked for an impossible step

A message says what is wrong, where (file, line, field), and what to change.
"""

from __future__ import annotations

from dataclasses import dataclass


class SquallError(Exception):
    """Root of the tree; its text is fit to be shown to a user as it is."""

    exit_status = 2


class ConfigurationError(SquallError):
    """Something the user wrote cannot be used."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one place.

    ``where`` is ``file:line`` or an option's name, ``field`` a dotted path (empty for the whole),
    ``message`` what is wrong and what to write instead.
    """

    where: str
    field: str
    message: str

    def __str__(self) -> str:
        """``where: field: message`` on one line."""
        return ": ".join(part for part in (self.where, self.field, self.message) if part)


class _ProblemsError(ConfigurationError):
    """A configuration error that lists every problem at once."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in problems))


class ScenarioError(_ProblemsError):
    """A scenario is wrong; carries every problem found."""


class CriterionError(ConfigurationError):
    """A success criterion does not parse; ``position`` counts characters of ``text`` from 0."""

    def __init__(self, text: str, position: int, reason: str) -> None:
        self.text = text
        self.position = position
        self.reason = reason
        super().__init__(f"criterion “{text}”, character {position + 1}: {reason}")


class TargetFileError(_ProblemsError):
    """A target file is wrong; carries every problem found."""


class DataFileError(ConfigurationError):
    """A file of transactions cannot be read or lacks what is needed."""


class TargetError(SquallError):
    """The target cannot be used."""


class TargetUnreachable(TargetError):
    """Nothing answers at the target's address."""


class TargetProtocolError(TargetError):
    """The target answers, but not as HTTP or not as its target file says."""


class StoreError(SquallError):
    """The results store cannot be opened, read or written."""


class WorkerFailure(SquallError):
    """No load worker is left to go on with."""

    exit_status = 4


class IllegalTransition(SquallError):
    """A run was asked for a step that its present state does not allow."""
