"""Functions, their versions and aliases: what is kept, and how it is written out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from cloud_twin.errors import AwsError
from cloud_twin.services.lambda_.code import CodePackage
from cloud_twin.services.lambda_.configuration import FunctionSettings
from cloud_twin.services.lambda_.names import LATEST
from cloud_twin.services.lambda_.runtime.deployment import Deployment
from cloud_twin.services.lambda_.runtime.logs import FunctionLog


@dataclass(frozen=True, slots=True)
class FunctionVersion:
    """Code and settings at one time; ``$LATEST`` is replaced by every update."""

    version: str
    settings: FunctionSettings
    code: CodePackage
    deployment: Deployment
    modified_wall_s: float
    revision_id: str = field(default_factory=lambda: str(uuid4()))


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for a version."""

    name: str
    version: str
    description: str
    revision_id: str = field(default_factory=lambda: str(uuid4()))

    def document(self, function: Function) -> dict[str, Any]:
        """AliasConfiguration."""
        return {
            "AliasArn": f"{function.arn}:{self.name}",
            "Name": self.name,
            "FunctionVersion": self.version,
            "Description": self.description,
            "RevisionId": self.revision_id,
        }


@dataclass(frozen=True, slots=True)
class AsyncSettings:
    """How asynchronous events of a function are treated. ``modified_wall_s`` 0: AWS's defaults."""

    retries_max: int = 2
    age_s_max: int = 21_600
    on_success: str = ""
    on_failure: str = ""
    modified_wall_s: float = 0.0

    def document(self, function_arn: str) -> dict[str, Any]:
        """FunctionEventInvokeConfig."""
        destinations = {
            "OnSuccess": {"Destination": self.on_success} if self.on_success else {},
            "OnFailure": {"Destination": self.on_failure} if self.on_failure else {},
        }
        return {
            "LastModified": self.modified_wall_s,
            "FunctionArn": function_arn,
            "MaximumRetryAttempts": self.retries_max,
            "MaximumEventAgeInSeconds": self.age_s_max,
            "DestinationConfig": destinations,
        }


@dataclass(slots=True)
class Function:
    """One function with all that belongs to it."""

    name: str
    region: str
    arn: str
    log: FunctionLog
    latest: FunctionVersion
    versions: dict[str, FunctionVersion] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    async_settings: dict[str, AsyncSettings] = field(default_factory=dict)
    """By qualifier."""

    def version(self, qualifier: str) -> FunctionVersion:
        """The version that a qualifier means; empty for ``$LATEST``. Raises ``AwsError``."""
        if qualifier in ("", LATEST):
            return self.latest
        if qualifier in self.aliases:
            return self.version(self.aliases[qualifier].version)
        if qualifier in self.versions:
            return self.versions[qualifier]
        raise not_found(f"{self.arn}:{qualifier}")

    def qualified_arn(self, qualifier: str) -> str:
        """The ARN as a caller named it."""
        return f"{self.arn}:{qualifier}" if qualifier else self.arn

    def document(self, version: FunctionVersion, qualifier: str = "") -> dict[str, Any]:
        """FunctionConfiguration."""
        settings = version.settings
        arn = self.arn if not qualifier else self.qualified_arn(qualifier)
        document: dict[str, Any] = {
            "FunctionName": self.name,
            "FunctionArn": arn,
            "Runtime": settings.runtime,
            "Role": settings.role,
            "Handler": settings.handler,
            "CodeSize": version.code.size_bytes,
            "Description": settings.description,
            "Timeout": settings.timeout_s,
            "MemorySize": settings.memory_mb,
            "LastModified": modified(version.modified_wall_s),
            "CodeSha256": version.code.sha256,
            "Version": version.version,
            "TracingConfig": {"Mode": settings.tracing},
            "RevisionId": version.revision_id,
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Zip",
            "Architectures": [settings.architecture],
            "EphemeralStorage": {"Size": settings.ephemeral_mb},
            "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.name}"},
        }
        if settings.environment:
            document["Environment"] = {"Variables": dict(settings.environment)}
        if settings.dead_letter_arn:
            document["DeadLetterConfig"] = {"TargetArn": settings.dead_letter_arn}
        return document


def make_version(
    function_name: str,
    function_arn: str,
    region: str,
    version: str,
    settings: FunctionSettings,
    code: CodePackage,
    log: FunctionLog,
    wall_s: float,
) -> FunctionVersion:
    """A version with the deployment that its environments are made from."""
    deployment = Deployment(
        function_name=function_name,
        function_arn=function_arn,
        version=version,
        region=region,
        runtime=settings.runtime,
        handler=settings.handler,
        timeout_s=settings.timeout_s,
        memory_mb=settings.memory_mb,
        role=settings.role,
        environment=settings.environment,
        code_directory=code.directory,
        log=log,
    )
    return FunctionVersion(version, settings, code, deployment, wall_s)


def not_found(arn: str) -> AwsError:
    """ResourceNotFoundException of a function."""
    return AwsError(
        "ResourceNotFoundException", f"Function not found: {arn}", 404, {"Type": "User"}
    )


def modified(wall_s: float) -> str:
    """``2026-01-31T12:00:00.123+0000``."""
    moment = datetime.fromtimestamp(wall_s, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def text_map(value: object, member: str) -> dict[str, str]:
    """A map of strings, or an ``AwsError``."""
    if not isinstance(value, Mapping) or not all(
        isinstance(k, str) and isinstance(v, str) for k, v in value.items()
    ):
        raise AwsError("SerializationException", f"{member} must be a map of strings")
    return dict(value)
