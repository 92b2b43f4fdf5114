"""One request to a model, whichever operation and form it came in, and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloud_twin.errors import AwsError
from cloud_twin.services.bedrock import reasoner
from cloud_twin.services.bedrock.models import Model
from cloud_twin.services.bedrock.tokens import cut, prompt_tokens, tokens_of


@dataclass(frozen=True, slots=True)
class Inference:
    """What a model is asked."""

    turns: Sequence[tuple[str, str]]
    """Role and text of each message."""
    system: Sequence[str]
    max_tokens: int
    stop_sequences: Sequence[str]

    @property
    def input_tokens(self) -> int:
        """By the estimate of ``tokens.py``."""
        return prompt_tokens([*self.system, *(text for _, text in self.turns)])


@dataclass(frozen=True, slots=True)
class Completion:
    """What it answers."""

    text: str
    stop_reason: str
    """``end_turn``, ``max_tokens`` or ``stop_sequence``."""
    stop_sequence: str | None
    input_tokens: int
    output_tokens: int


def validation(message: str) -> AwsError:
    """400 ``ValidationException``."""
    return AwsError("ValidationException", message)


def max_tokens_of(value: object, model: Model) -> int:
    """The most tokens of the answer; the model's own limit if none is named."""
    if value is None:
        return model.output_tokens
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise validation(
            f"1 validation error detected: Value '{value}' at 'inferenceConfig.maxTokens' failed to"
            " satisfy constraint: Member must have value greater than or equal to 1"
        )
    if value > model.output_tokens:
        raise validation(
            f"The maximum tokens you requested exceeds the model limit of {model.output_tokens}."
            f" Try again with a maximum tokens value that is lower than {model.output_tokens}."
        )
    return value


def check_size(inference: Inference, model: Model) -> None:
    """Raises ``ValidationException`` for a prompt that does not fit."""
    if inference.input_tokens > model.context_tokens:
        raise validation("Input is too long for requested model.")


def complete(inference: Inference) -> Completion:
    """The reasoner's answer, within what was asked for."""
    prompt = next((text for role, text in reversed(inference.turns) if role == "user"), "")
    text = reasoner.answer(prompt, "\n".join(inference.system))
    stop_reason = "end_turn"
    stop_sequence = None
    hits = [(text.find(stop), stop) for stop in inference.stop_sequences if stop and stop in text]
    if hits:
        at, stop_sequence = min(hits)
        text, stop_reason = text[:at], "stop_sequence"
    if tokens_of(text) > inference.max_tokens:
        text, stop_reason, stop_sequence = cut(text, inference.max_tokens), "max_tokens", None
    return Completion(
        text, stop_reason, stop_sequence, inference.input_tokens, max(1, tokens_of(text))
    )
