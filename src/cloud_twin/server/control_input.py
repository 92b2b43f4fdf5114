"""What the control interface is told, checked: every problem at once."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from cloud_twin.faults import FaultPlan

Limits = dict[str, dict[str, float]]


class Problem(NamedTuple):
    """What is wrong with which field (empty: the whole)."""

    field: str
    message: str

    def text(self) -> str:
        """Both in one line."""
        return f"{self.field}: {self.message}" if self.field else self.message


class BadInput(Exception):
    """The input cannot be used; all that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(problem.text() for problem in problems))
        self.problems = problems


def read_fault_plan(body: bytes, operations: Mapping[str, Collection[str]]) -> FaultPlan:
    """A fault plan for some of the ``operations`` (by service). Raises ``BadInput``."""
    document = _object(body)
    problems: list[Problem] = []
    service, operation = document.get("service"), document.get("operation")
    if isinstance(service, str) and service not in operations:
        known = ", ".join(sorted(operations))
        problems.append(Problem("service", f"there is no {service!r}; there are: {known}"))
    elif isinstance(operation, str) and isinstance(service, str | None):
        problems += _operation_problems(service, operation, operations)
    try:
        plan = FaultPlan.model_validate(document)
    except ValidationError as error:
        problems += [
            Problem(
                ".".join(str(part) for part in detail["loc"]),
                detail["msg"].removeprefix("Value error, "),
            )
            for detail in error.errors(include_url=False, include_context=False)
        ]
        raise BadInput(problems) from None
    if problems:
        raise BadInput(problems)
    return plan


def _operation_problems(
    service: str | None, operation: str, operations: Mapping[str, Collection[str]]
) -> list[Problem]:
    meant = operations if service is None else {service: operations[service]}
    if any(operation in served for served in meant.values()):
        return []
    there_are = "; ".join(f"{name} {', '.join(sorted(meant[name]))}" for name in sorted(meant))
    who = service or "no service"
    has = "has no" if service else "has"
    return [Problem("operation", f"{who} {has} {operation!r}; there are: {there_are}")]


def read_limits(body: bytes, known: Mapping[str, Mapping[str, float | None]]) -> Limits:
    """Changes of limits by service; null stands for no limit. Raises ``BadInput``."""
    changes: Limits = {}
    problems: list[Problem] = []
    for service, given in _object(body).items():
        if service not in known:
            names = ", ".join(sorted(known))
            problems.append(Problem(service, f"there is no such service; there are: {names}"))
            continue
        if not isinstance(given, dict):
            problems.append(Problem(service, "must be an object of limits"))
            continue
        for name, value in given.items():
            problem = _limit_problem(name, value, known[service])
            if problem:
                problems.append(Problem(f"{service}.{name}", problem))
            else:
                changes.setdefault(service, {})[name] = math.inf if value is None else float(value)
    if problems:
        raise BadInput(problems)
    return changes


def read_attempts_query(arguments: Mapping[str, str]) -> dict[str, Any]:
    """Arguments for ``Attempts.calls``. Raises ``BadInput``."""
    wanted: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, text in arguments.items():
        if name in ("service", "operation"):
            wanted[name] = text
        elif name == "retried":
            if text not in ("true", "false"):
                problems.append(Problem(name, "must be true or false"))
            wanted[name] = text == "true"
        elif name == "limit":
            if not text.isdigit() or not 1 <= int(text) <= 100_000:
                problems.append(Problem(name, "must be a whole number from 1 to 100000"))
            else:
                wanted[name] = int(text)
        elif name == "since_s":
            try:
                wanted[name] = float(text)
            except ValueError:
                problems.append(Problem(name, "must be Unix seconds"))
        else:
            known = "service, operation, retried, since_s, limit"
            problems.append(Problem(name, f"is not known; there are: {known}"))
    if problems:
        raise BadInput(problems)
    return wanted


def _limit_problem(name: str, value: object, known: Mapping[str, float | None]) -> str:
    if name not in known:
        return f"there is no such limit; there are: {', '.join(sorted(known))}"
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"must be a number, or null for no limit, not {value!r}"
    return "" if value >= 0 else "must not be negative"


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput([Problem("", f"the body is not JSON: {error}")]) from error
    if not isinstance(document, dict):
        raise BadInput([Problem("", "the body must be a JSON object")])
    return document
