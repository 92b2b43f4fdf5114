"""The model ids that are accepted, as on AWS, and their documented limits.

Whatever the id, answers come from the local deterministic reasoner. Sources: Bedrock user guide,
"Supported foundation models" and "Supported Regions and models for inference profiles".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cloud_twin.errors import AwsError


@dataclass(frozen=True, slots=True)
class Model:
    """One foundation model."""

    model_id: str
    context_tokens: int
    """Most tokens of input and answer together."""
    output_tokens: int
    """Most tokens of an answer; also what is reserved when the caller names no maximum."""
    profile_only: bool = False
    """Takes calls through an inference profile only."""

    @property
    def provider(self) -> str:
        """``anthropic`` or ``amazon``."""
        return self.model_id.partition(".")[0]


MODELS = {
    model.model_id: model
    for model in (
        Model("anthropic.claude-3-sonnet-20240229-v1:0", 200_000, 4096),
        Model("anthropic.claude-3-haiku-20240307-v1:0", 200_000, 4096),
        Model("anthropic.claude-3-5-sonnet-20240620-v1:0", 200_000, 8192),
        Model("anthropic.claude-3-5-sonnet-20241022-v2:0", 200_000, 8192),
        Model("anthropic.claude-3-5-haiku-20241022-v1:0", 200_000, 8192),
        Model("anthropic.claude-3-7-sonnet-20250219-v1:0", 200_000, 64_000, True),
        Model("anthropic.claude-sonnet-4-20250514-v1:0", 200_000, 64_000, True),
        Model("anthropic.claude-sonnet-4-5-20250929-v1:0", 200_000, 64_000, True),
        Model("anthropic.claude-haiku-4-5-20251001-v1:0", 200_000, 64_000, True),
        Model("amazon.nova-micro-v1:0", 128_000, 10_000),
        Model("amazon.nova-lite-v1:0", 300_000, 10_000),
        Model("amazon.nova-pro-v1:0", 300_000, 10_000),
        Model("amazon.nova-premier-v1:0", 1_000_000, 10_000, True),
        Model("amazon.nova-2-lite-v1:0", 1_000_000, 64_000, True),
    )
}
_PROFILE = re.compile(r"(?:us|us-gov|eu|apac|jp|au|global)\.(.+)")
_ARN = re.compile(
    r"arn:aws(?:-[a-z-]+)?:bedrock:[a-z0-9-]{1,20}:\d{0,12}:(foundation-model|inference-profile)/(.+)"
)


def resolve(model_id: str) -> tuple[Model, str]:
    """The model of an id, a profile's id or an ARN; and the id that metrics carry.

    Raises ``ValidationException`` or ``ResourceNotFoundException``.
    """
    arn = _ARN.fullmatch(model_id)
    name = arn[2] if arn else model_id
    profile = _PROFILE.fullmatch(name)
    model = MODELS.get(profile[1] if profile else name)
    if model is None or (arn and (arn[1] == "inference-profile") != bool(profile)):
        if arn:
            message = "Could not resolve the foundation model from the provided model identifier."
            raise AwsError("ResourceNotFoundException", message, 404)
        raise AwsError("ValidationException", "The provided model identifier is invalid.")
    if model.profile_only and not profile:
        message = (
            f"Invocation of model ID {model.model_id} with on-demand throughput isn’t supported."
            " Retry your request with the ID or ARN of an inference profile that contains this"
            " model."
        )
        raise AwsError("ValidationException", message)
    return model, name
