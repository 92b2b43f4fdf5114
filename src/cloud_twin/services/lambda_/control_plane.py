"""The calls about functions: everything but invoking them and mapping streams to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.service import Answer, Call
from cloud_twin.services.lambda_.configuration import paged, wrong
from cloud_twin.services.lambda_.functions import (
    Alias,
    Function,
    not_found,
)
from cloud_twin.services.lambda_.names import LATEST, invalid
from cloud_twin.services.lambda_.registry import FunctionRegistry, check_revision
from cloud_twin.services.lambda_.throttle import Throttle

_ALIAS_CHARACTERS = "-_"


class ControlPlane:
    """One method per operation, named as it is; each takes a call and gives the answer."""

    def __init__(self, registry: FunctionRegistry, throttle: Throttle) -> None:
        self._registry = registry
        self._throttle = throttle

    def _named(self, call: Call) -> tuple[Function, str]:
        return self._registry.named(call.parameters, call.region)

    # --- functions ------------------------------------------------------------------------

    async def create_function(self, call: Call) -> Answer:
        """Answers ``Pending``, as AWS does; the function is active by the next call."""
        function = await self._registry.create(call.parameters, call.region)
        document = function.document(function.latest)
        if call.parameters.get("Publish"):
            document = function.document(*self._newest(function))
        document |= {
            "State": "Pending",
            "StateReason": "The function is being created.",
            "StateReasonCode": "Creating",
        }
        del document["LastUpdateStatus"]
        return Answer(document, 201)

    def get_function(self, call: Call) -> Answer:
        """Configuration, code location, tags, concurrency."""
        function, qualifier = self._named(call)
        document: dict[str, Any] = {
            "Configuration": function.document(function.version(qualifier), qualifier),
            "Code": {"RepositoryType": "S3", "Location": ""},
        }
        if function.tags:
            document["Tags"] = function.tags
        reserved = self._throttle.reserved(function.arn)
        if reserved is not None:
            document["Concurrency"] = {"ReservedConcurrentExecutions": reserved}
        return Answer(document)

    def get_function_configuration(self, call: Call) -> Answer:
        """The configuration alone."""
        function, qualifier = self._named(call)
        return Answer(function.document(function.version(qualifier), qualifier))

    def list_functions(self, call: Call) -> Answer:
        """All functions of the region, in pages of 50."""
        functions = [f for f in self._registry if f.region == call.region]
        functions.sort(key=lambda function: function.name)
        if call.parameters.get("FunctionVersion") == "ALL":
            rows = [
                f.document(v, v.version)
                for f in functions
                for v in (f.latest, *f.versions.values())
            ]
        else:
            rows = [f.document(f.latest) for f in functions]
        return Answer(paged(rows, "Functions", call.parameters, 50))

    async def update_function_code(self, call: Call) -> Answer:
        """New code; environments with the old code end after their event."""
        function, _ = self._named(call)
        version = await self._registry.change_code(function, call.parameters)
        qualifier = "" if version.version == LATEST else version.version
        return Answer(_updating(function.document(version, qualifier)))

    def update_function_configuration(self, call: Call) -> Answer:
        """New settings; environments with the old ones end after their event."""
        function, _ = self._named(call)
        version = self._registry.configure(function, call.parameters)
        return Answer(_updating(function.document(version)))

    # --- versions and aliases -------------------------------------------------------------

    def publish_version(self, call: Call) -> Answer:
        """A numbered copy of ``$LATEST``."""
        function, _ = self._named(call)
        parameters = call.parameters
        check_revision(function.latest, parameters)
        wanted = parameters.get("CodeSha256")
        if wanted and wanted != function.latest.code.sha256:
            raise wrong(
                f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST "
                f"({function.latest.code.sha256}). Please try again with the CodeSHA256 in $LATEST."
            )
        version = self._registry.publish(function, parameters.get("Description"))
        return Answer(function.document(version, version.version), 201)

    def list_versions_by_function(self, call: Call) -> Answer:
        """``$LATEST`` and all numbered versions."""
        function, _ = self._named(call)
        versions = (function.latest, *function.versions.values())
        rows = [function.document(version, version.version) for version in versions]
        return Answer(paged(rows, "Versions", call.parameters, 50))

    def create_alias(self, call: Call) -> Answer:
        """A name for a version."""
        function, _ = self._named(call)
        name = str(call.parameters.get("Name") or "")
        if not name.translate({ord(c): None for c in _ALIAS_CHARACTERS}).isalnum() or (
            name.isdigit() or len(name) > 128
        ):
            pattern = "(?!^[0-9]+$)([a-zA-Z0-9-_]+)"
            raise invalid(name, "name", f"satisfy regular expression pattern: {pattern}")
        if name in function.aliases:
            raise AwsError(
                "ResourceConflictException", f"Alias already exists: {function.arn}:{name}", 409
            )
        alias = self._alias(function, name, call.parameters, Alias(name, "", ""))
        return Answer(alias.document(function), 201)

    def get_alias(self, call: Call) -> Answer:
        """One alias."""
        function, _ = self._named(call)
        return Answer(self._find_alias(function, call).document(function))

    def list_aliases(self, call: Call) -> Answer:
        """All aliases."""
        function, _ = self._named(call)
        rows = [alias.document(function) for alias in function.aliases.values()]
        return Answer(paged(rows, "Aliases", call.parameters, 50))

    def update_alias(self, call: Call) -> Answer:
        """Point an alias at another version."""
        function, _ = self._named(call)
        before = self._find_alias(function, call)
        return Answer(
            self._alias(function, before.name, call.parameters, before).document(function)
        )

    def delete_alias(self, call: Call) -> Answer:
        """Forget an alias; harmless when repeated, as on AWS."""
        function, _ = self._named(call)
        function.aliases.pop(str(call.parameters.get("Name")), None)
        return Answer(status=204)

    def _alias(
        self, function: Function, name: str, parameters: Mapping[str, Any], before: Alias
    ) -> Alias:
        if (parameters.get("RoutingConfig") or {}).get("AdditionalVersionWeights"):
            raise wrong("Weighted aliases are not supported on the twin.")
        version = str(parameters.get("FunctionVersion") or before.version)
        if version != LATEST and version not in function.versions:
            raise not_found(f"{function.arn}:{version}")
        alias = Alias(name, version, str(parameters.get("Description", before.description)))
        function.aliases[name] = alias
        return alias

    def _find_alias(self, function: Function, call: Call) -> Alias:
        name = str(call.parameters.get("Name"))
        alias = function.aliases.get(name)
        if alias is None:
            raise AwsError(
                "ResourceNotFoundException", f"Cannot find alias arn: {function.arn}:{name}", 404
            )
        return alias

    def _newest(self, function: Function) -> tuple[Any, str]:
        version = next(reversed(function.versions.values()))
        return version, version.version


def _updating(document: dict[str, Any]) -> dict[str, Any]:
    return document | {
        "LastUpdateStatus": "InProgress",
        "LastUpdateStatusReason": "The function is being created.",
        "LastUpdateStatusReasonCode": "Creating",
    }
