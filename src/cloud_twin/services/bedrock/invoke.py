"""InvokeModel and its stream, in the models' own forms: Anthropic's messages and Amazon Nova's.

Sources: Bedrock user guide, "Anthropic Claude Messages API"; Amazon Nova user guide, "Request and
response schema".
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from cloud_twin.services.bedrock.converse import turns as nova_turns
from cloud_twin.services.bedrock.converse import usage
from cloud_twin.services.bedrock.event_stream import event
from cloud_twin.services.bedrock.inference import (
    Completion,
    Inference,
    max_tokens_of,
    validation,
)
from cloud_twin.services.bedrock.models import Model
from cloud_twin.services.bedrock.tokens import pieces

ANTHROPIC_VERSION = "bedrock-2023-05-31"


def read(raw: bytes, model: Model) -> Inference:
    """The request of an InvokeModel call. Raises ``ValidationException``."""
    try:
        document = orjson.loads(raw)
    except ValueError:
        raise _malformed("the body is not JSON") from None
    if not isinstance(document, dict):
        raise _malformed("#: expected type: JSONObject")
    if "tools" in document or "toolConfig" in document:
        raise validation("This model doesn't support tool use.")
    return _anthropic(document, model) if model.provider == "anthropic" else _nova(document, model)


def body(completion: Completion, model: Model, request_id: str) -> dict[str, Any]:
    """The answer of InvokeModel."""
    if model.provider == "anthropic":
        return _anthropic_message(
            model,
            request_id,
            [{"type": "text", "text": completion.text}],
            completion,
            (completion.stop_reason, completion.stop_sequence),
        )
    return {
        "output": {"message": {"content": [{"text": completion.text}], "role": "assistant"}},
        "stopReason": completion.stop_reason,
        "usage": usage(completion),
    }


def opening(completion: Completion, model: Model, request_id: str) -> bytes:
    """What a stream begins with."""
    if model.provider != "anthropic":
        return _chunk({"messageStart": {"role": "assistant"}})
    message = _anthropic_message(model, request_id, [], completion, (None, None))
    message["usage"]["output_tokens"] = 1
    return _chunk({"type": "message_start", "message": message}) + _chunk(
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        }
    )


def deltas(completion: Completion, model: Model) -> Iterator[bytes]:
    """The text, part by part."""
    for piece in pieces(completion.text):
        if model.provider == "anthropic":
            delta = {"type": "text_delta", "text": piece}
            yield _chunk({"type": "content_block_delta", "index": 0, "delta": delta})
        else:
            delta = {"delta": {"text": piece}, "contentBlockIndex": 0}  # type: ignore[dict-item]
            yield _chunk({"contentBlockDelta": delta})


def closing(completion: Completion, model: Model, latency_ms: int, first_byte_ms: int) -> bytes:
    """What a stream ends with."""
    figures = {
        "amazon-bedrock-invocationMetrics": {
            "inputTokenCount": completion.input_tokens,
            "outputTokenCount": completion.output_tokens,
            "invocationLatency": latency_ms,
            "firstByteLatency": first_byte_ms,
        }
    }
    if model.provider == "anthropic":
        delta = {
            "stop_reason": completion.stop_reason,
            "stop_sequence": completion.stop_sequence,
        }
        return (
            _chunk({"type": "content_block_stop", "index": 0})
            + _chunk(
                {
                    "type": "message_delta",
                    "delta": delta,
                    "usage": {"output_tokens": completion.output_tokens},
                }
            )
            + _chunk({"type": "message_stop", **figures})
        )
    return (
        _chunk({"contentBlockStop": {"contentBlockIndex": 0}})
        + _chunk({"messageStop": {"stopReason": completion.stop_reason}})
        + _chunk({"metadata": {"usage": usage(completion), "metrics": {}}, **figures})
    )


def _chunk(members: Mapping[str, Any]) -> bytes:
    return event("chunk", {"bytes": base64.b64encode(orjson.dumps(members)).decode()})


def _anthropic(document: Mapping[str, Any], model: Model) -> Inference:
    for name in ("anthropic_version", "max_tokens", "messages"):
        if name not in document:
            raise _malformed(f"#: required key [{name}] not found")
    if document["anthropic_version"] != ANTHROPIC_VERSION:
        raise _malformed(f"#/anthropic_version: it must be {ANTHROPIC_VERSION}")
    system = document.get("system")
    blocks = system if isinstance(system, list) else [system] if system else []
    turns: list[tuple[str, str]] = []
    messages = document["messages"]
    if not isinstance(messages, list) or not messages:
        raise validation("messages: at least one message is required")
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise validation(f"messages.{number}.role: it must be user or assistant")
        turns.append((message["role"], _anthropic_text(message.get("content"), number)))
    if turns[0][0] != "user":
        raise validation("messages: first message must use the user role")
    return Inference(
        turns,
        [_block_text(block, "system") for block in blocks],
        max_tokens_of(document["max_tokens"], model),
        _stops(document.get("stop_sequences")),
    )


def _anthropic_text(content: object, number: int) -> str:
    if isinstance(content, str) and content.strip():
        return content
    if not isinstance(content, list) or not content:
        raise validation(f"messages.{number}: all messages must have non-empty content")
    return "\n".join(_block_text(block, f"messages.{number}.content") for block in content)


def _block_text(block: object, where: str) -> str:
    if isinstance(block, str):
        return block
    text = block.get("text") if isinstance(block, dict) else None
    if not isinstance(text, str):
        raise validation(f"{where}: this model supports text only")
    return text


def _nova(document: Mapping[str, Any], model: Model) -> Inference:
    if "messages" not in document:
        raise _malformed("#: required key [messages] not found")
    settings = document.get("inferenceConfig") or {}
    if not isinstance(settings, dict):
        raise _malformed("#/inferenceConfig: expected type: JSONObject")
    system = document.get("system") or []
    if not isinstance(system, list):
        raise _malformed("#/system: expected type: JSONArray")
    limit = settings.get("maxTokens", settings.get("max_new_tokens"))
    return Inference(
        nova_turns(document["messages"]),
        [_block_text(block, "system") for block in system],
        max_tokens_of(limit, model),
        _stops(settings.get("stopSequences")),
    )


def _stops(value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(stop, str) for stop in value):
        raise _malformed("stop sequences must be an array of strings")
    return value


def _anthropic_message(
    model: Model,
    request_id: str,
    content: list[dict[str, str]],
    completion: Completion,
    stop: tuple[str | None, str | None],
) -> dict[str, Any]:
    return {
        "id": f"msg_bdrk_{request_id.replace('-', '')[:24]}",
        "type": "message",
        "role": "assistant",
        "model": model.model_id.removeprefix("anthropic.").rpartition("-v")[0],
        "content": content,
        "stop_reason": stop[0],
        "stop_sequence": stop[1],
        "usage": {
            "input_tokens": completion.input_tokens,
            "output_tokens": completion.output_tokens,
        },
    }


def _malformed(why: str) -> Exception:
    return validation(f"Malformed input request: {why}, please reformat your input and try again.")
