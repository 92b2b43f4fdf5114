"""A language model as the reviewer sees it: a prompt in, text out, or one of three refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fraud_platform.reasoning.prompt import Prompt


class ModelCallError(Exception):
    """A call gave no answer; the message is the service's own."""


class ThrottledError(ModelCallError):
    """Over the quota: the same call will do later."""


class UnavailableError(ModelCallError):
    """A failure of the service or of the way to it: the same call may do later."""


class RefusedError(ModelCallError):
    """The call itself is wrong (model, permission, content): it never will do."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which attempt at one invocation a call is; ``number`` from 1."""

    invocation_id: str
    number: int
    most: int


@dataclass(frozen=True, slots=True)
class ModelText:
    """What the model wrote, and the tokens that are billed for it."""

    text: str
    input_tokens: int
    output_tokens: int
    complete: bool
    """False where it was cut off by a limit or a filter."""


class LanguageModel(Protocol):
    """Called from many threads at once."""

    def ask(self, prompt: Prompt, attempt: Attempt) -> ModelText:
        """One attempt, no retries inside. Raises ``ModelCallError``."""
        ...
