"""What a function is told about itself: checked and completed with AWS's defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.services.lambda_.names import invalid
from cloud_twin.services.lambda_.runtime.deployment import RESERVED_VARIABLES

_ROLE = r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
_RUNTIME = re.compile(r"python3\.\d{1,2}")
_VARIABLE = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+")
ENVIRONMENT_BYTES_MAX = 4096
_ARCHITECTURES = ("x86_64", "arm64")


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """Everything about a function that UpdateFunctionConfiguration can change."""

    role: str
    runtime: str
    handler: str
    timeout_s: int = 3
    memory_mb: int = 128
    description: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    dead_letter_arn: str = ""
    tracing: str = "PassThrough"
    ephemeral_mb: int = 512
    architecture: str = "x86_64"


def new_settings(parameters: Mapping[str, Any]) -> FunctionSettings:
    """Settings of a new function. Raises ``AwsError``."""
    if parameters.get("PackageType", "Zip") != "Zip":
        raise wrong("The twin runs functions from ZIP archives only; PackageType must be Zip.")
    for member in ("Runtime", "Handler"):
        if not parameters.get(member):
            raise wrong(f"{member} is mandatory for functions created with deployment packages.")
    if not parameters.get("Role"):
        raise invalid("null", "role", "not be null")
    return changed_settings(FunctionSettings("", "", ""), parameters)


def changed_settings(before: FunctionSettings, parameters: Mapping[str, Any]) -> FunctionSettings:
    """``before`` with the changes that a call asks for. Raises ``AwsError``."""
    _refuse_unsupported(parameters)
    changes: dict[str, Any] = {}
    if (role := parameters.get("Role")) is not None:
        if re.fullmatch(_ROLE, str(role)) is None:
            raise invalid(role, "role", f"satisfy regular expression pattern: {_ROLE}")
        changes["role"] = str(role)
    if (runtime := parameters.get("Runtime")) is not None:
        if _RUNTIME.fullmatch(str(runtime)) is None:
            raise wrong(
                f"Value {runtime} at 'runtime' failed to satisfy constraint: the twin runs "
                "Python functions only (python3.x)."
            )
        changes["runtime"] = str(runtime)
    if (handler := parameters.get("Handler")) is not None:
        if not 0 < len(str(handler)) <= 128 or re.search(r"\s", str(handler)):
            raise invalid(handler, "handler", r"satisfy regular expression pattern: [^\s]+")
        changes["handler"] = str(handler)
    for member, field_name, least, most in (
        ("Timeout", "timeout_s", 1, 900),
        ("MemorySize", "memory_mb", 128, 10_240),
    ):
        if (value := parameters.get(member)) is not None:
            changes[field_name] = whole_number(member, value, least, most)
    if (description := parameters.get("Description")) is not None:
        changes["description"] = str(description)[:256]
    if (environment := parameters.get("Environment")) is not None:
        changes["environment"] = _environment(environment)
    if (dead_letters := parameters.get("DeadLetterConfig")) is not None:
        changes["dead_letter_arn"] = _queue(dead_letters.get("TargetArn") or "")
    if (tracing := parameters.get("TracingConfig")) is not None:
        changes["tracing"] = str(tracing.get("Mode") or "PassThrough")
    if (storage := parameters.get("EphemeralStorage")) is not None:
        changes["ephemeral_mb"] = whole_number("Size", storage.get("Size", 512), 512, 10_240)
    if (architectures := parameters.get("Architectures")) is not None:
        if len(architectures) != 1 or architectures[0] not in _ARCHITECTURES:
            raise invalid(architectures, "architectures", "satisfy enum value set: [x86_64, arm64]")
        changes["architecture"] = architectures[0]
    return replace(before, **changes)


def whole_number(member: str, value: object, least: int, most: int) -> int:
    """A number within its limits. Raises ``AwsError``."""
    name = member[0].lower() + member[1:]
    if isinstance(value, bool) or not isinstance(value, int):
        raise AwsError("SerializationException", f"{member} must be a whole number")
    if value < least:
        raise invalid(value, name, f"have value greater than or equal to {least}")
    if value > most:
        raise invalid(value, name, f"have value less than or equal to {most}")
    return value


def wrong(message: str) -> AwsError:
    """InvalidParameterValueException."""
    return AwsError("InvalidParameterValueException", message, fields={"Type": "User"})


def paged(
    rows: list[dict[str, Any]], member: str, parameters: Mapping[str, Any], page: int
) -> dict[str, Any]:
    """One page of a list; ``NextMarker`` where there is more. Raises ``AwsError``."""
    try:
        start = int(parameters.get("Marker") or 0)
        count = min(page, int(parameters.get("MaxItems") or page))
    except (TypeError, ValueError):
        raise wrong("Marker and MaxItems must be as an earlier answer gave them.") from None
    answer: dict[str, Any] = {member: rows[start : start + count]}
    if start + count < len(rows):
        answer["NextMarker"] = str(start + count)
    return answer


def _refuse_unsupported(parameters: Mapping[str, Any]) -> None:
    for member in ("Layers", "FileSystemConfigs", "ImageConfig", "CapacityProviderConfig"):
        if parameters.get(member):
            raise wrong(f"{member} is not supported on the twin; put everything into the archive.")
    vpc = parameters.get("VpcConfig") or {}
    if vpc.get("SubnetIds") or vpc.get("SecurityGroupIds"):
        raise wrong("VpcConfig is not supported on the twin; functions run on this machine.")
    if (parameters.get("SnapStart") or {}).get("ApplyOn", "None") != "None":
        raise wrong("SnapStart is not supported on the twin.")


def _environment(config: object) -> dict[str, str]:
    variables = config.get("Variables") or {} if isinstance(config, dict) else None
    if not isinstance(variables, dict):
        raise AwsError("SerializationException", "Environment.Variables must be a map of strings")
    reserved = sorted(RESERVED_VARIABLES & variables.keys())
    if reserved:
        raise wrong(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            f"for modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    for name, value in variables.items():
        if _VARIABLE.fullmatch(name) is None:
            raise invalid(name, "environment.variables", f"match {_VARIABLE.pattern}")
        if not isinstance(value, str) or "\0" in value:
            raise AwsError("SerializationException", f"the variable {name} must be a string")
    if sum(len(name) + len(value.encode()) for name, value in variables.items()) > (
        ENVIRONMENT_BYTES_MAX
    ):
        raise wrong(
            "Lambda was unable to configure your environment variables because the environment "
            f"variables you have provided exceeded the {ENVIRONMENT_BYTES_MAX} byte limit."
        )
    return dict(variables)


def _queue(arn: str) -> str:
    if arn and not arn.startswith("arn:aws:sqs:"):
        raise wrong(f"The target ARN {arn} is invalid; the twin delivers to SQS queues only.")
    return arn
