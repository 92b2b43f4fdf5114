"""Converse and ConverseStream: reading the request, writing the answer and its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cloud_twin.services.bedrock.event_stream import event
from cloud_twin.services.bedrock.inference import (
    Completion,
    Inference,
    max_tokens_of,
    validation,
)
from cloud_twin.services.bedrock.models import Model
from cloud_twin.services.bedrock.reasoner import NAME
from cloud_twin.services.bedrock.tokens import pieces


def read(parameters: Mapping[str, Any], model: Model) -> Inference:
    """The request of a Converse call. Raises ``ValidationException``."""
    if parameters.get("toolConfig"):
        raise validation("This model doesn't support tool use.")
    if parameters.get("guardrailConfig"):
        raise validation(
            "The guardrail identifier or version provided in the request does not exist."
        )
    settings = _object(parameters.get("inferenceConfig"), "inferenceConfig")
    for name in ("temperature", "topP"):
        value = settings.get(name)
        if value is not None and not (isinstance(value, (int, float)) and 0 <= value <= 1):
            raise validation(
                f"1 validation error detected: Value '{value}' at 'inferenceConfig.{name}' failed"
                " to satisfy constraint: Member must have value between 0 and 1"
            )
    stops = settings.get("stopSequences") or []
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise validation("stopSequences must be a list of strings.")
    return Inference(
        turns(parameters.get("messages")),
        _system(parameters.get("system")),
        max_tokens_of(settings.get("maxTokens"), model),
        stops,
    )


def turns(messages: object) -> list[tuple[str, str]]:
    """Role and text of each message, as Converse and Nova write them."""
    if not isinstance(messages, list) or not messages:
        raise validation(
            "A conversation must start with a user message. Try again with a conversation that"
            " starts with a user message."
        )
    found: list[tuple[str, str]] = []
    for number, message in enumerate(messages):
        entry = _object(message, f"messages.{number}")
        role = entry.get("role")
        if role not in ("user", "assistant"):
            raise validation(f"The role at messages.{number} must be user or assistant.")
        if not found and role != "user":
            raise validation(
                "A conversation must start with a user message. Try again with a conversation that"
                " starts with a user message."
            )
        if found and found[-1][0] == role:
            raise validation(
                "A conversation must alternate between user and assistant roles. Make sure the"
                " conversation alternates between user and assistant roles and try again."
            )
        found.append((role, _text(entry.get("content"), f"messages.{number}.content")))
    return found


def body(completion: Completion, latency_ms: int) -> dict[str, Any]:
    """The answer of Converse."""
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": completion.text}]}},
        "stopReason": completion.stop_reason,
        "usage": usage(completion),
        "metrics": {"latencyMs": latency_ms},
        "additionalModelResponseFields": {"reasoner": NAME},
    }


def usage(completion: Completion) -> dict[str, int]:
    """Token counts, as Converse and Nova write them."""
    return {
        "inputTokens": completion.input_tokens,
        "outputTokens": completion.output_tokens,
        "totalTokens": completion.input_tokens + completion.output_tokens,
    }


def opening() -> bytes:
    """What a stream begins with."""
    return event("messageStart", {"role": "assistant"})


def deltas(completion: Completion) -> Iterator[bytes]:
    """The text, part by part."""
    for piece in pieces(completion.text):
        yield event("contentBlockDelta", {"delta": {"text": piece}, "contentBlockIndex": 0})


def closing(completion: Completion, latency_ms: int) -> bytes:
    """What a stream ends with."""
    stop = {
        "stopReason": completion.stop_reason,
        "additionalModelResponseFields": {"reasoner": NAME},
    }
    metadata = {"usage": usage(completion), "metrics": {"latencyMs": latency_ms}}
    return (
        event("contentBlockStop", {"contentBlockIndex": 0})
        + event("messageStop", stop)
        + event("metadata", metadata)
    )


def _system(value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise validation("system must be a list of blocks.")
    return [_block(block, f"system.{number}") for number, block in enumerate(value)]


def _text(content: object, where: str) -> str:
    if not isinstance(content, list) or not content:
        raise validation(f"The content field at {where} is empty. Add content and try again.")
    blocks: Sequence[object] = content
    return "\n".join(_block(block, f"{where}.{number}") for number, block in enumerate(blocks))


def _block(block: object, where: str) -> str:
    members = _object(block, where)
    if "cachePoint" in members:
        return ""
    text = members.get("text")
    if text is None:
        kinds = ", ".join(sorted(members)) or "empty"
        raise validation(f"This model supports text only; the block at {where} is {kinds}.")
    if not isinstance(text, str) or not text.strip():
        raise validation(
            f"The text field in the ContentBlock object at {where} is blank. Add text to the text"
            " field, and try again."
        )
    return text


def _object(value: object, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise validation(f"{where} must be an object.")
    return value
