"""The functions there are: made, changed, published, found, deleted."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from cloud_twin.clock import Clock
from cloud_twin.errors import AwsError
from cloud_twin.service import arn
from cloud_twin.services.lambda_.code import CodeDirectory, CodePackage
from cloud_twin.services.lambda_.configuration import (
    FunctionSettings,
    changed_settings,
    new_settings,
    wrong,
)
from cloud_twin.services.lambda_.functions import (
    Function,
    FunctionVersion,
    make_version,
    not_found,
    text_map,
)
from cloud_twin.services.lambda_.names import LATEST, parse_name
from cloud_twin.services.lambda_.options import LambdaOptions
from cloud_twin.services.lambda_.runtime.logs import FunctionLog
from cloud_twin.services.lambda_.runtime.pool import EnvironmentPool


class FunctionRegistry:
    """Functions by region and name. ``pool`` is told of every deployment that is replaced."""

    def __init__(
        self,
        clock: Clock,
        account_id: str,
        options: LambdaOptions,
        pool: EnvironmentPool,
    ) -> None:
        self._clock = clock
        self._account_id = account_id
        self._options = options
        self._pool = pool
        pool.when_retired = self._sweep
        self._unused: list[CodePackage] = []
        self._functions: dict[str, Function] = {}
        self._code = CodeDirectory(options.work_directory)

    def __iter__(self) -> Iterator[Function]:
        return iter(self._functions.values())

    def __len__(self) -> int:
        return len(self._functions)

    def code_bytes(self) -> int:
        """Of all archives."""
        return sum(function.latest.code.size_bytes for function in self)

    # --- finding --------------------------------------------------------------------------

    def find(self, name: object, region: str, qualifier: str = "") -> tuple[Function, str]:
        """A function and the qualifier its name has. Raises ``AwsError``."""
        if not isinstance(name, str):
            raise AwsError("SerializationException", "FunctionName must be a string")
        parsed = parse_name(name, qualifier)
        key = self._arn(parsed.name, parsed.region or region)
        function = self._functions.get(key)
        if function is None:
            raise not_found(f"{key}:{parsed.qualifier}" if parsed.qualifier else key)
        return function, parsed.qualifier

    def named(self, parameters: Mapping[str, Any], region: str) -> tuple[Function, str]:
        """The function that a call's parameters name. Raises ``AwsError``."""
        return self.find(
            parameters.get("FunctionName"), region, str(parameters.get("Qualifier") or "")
        )

    def by_arn(self, function_arn: str) -> Function:
        """A function by its unqualified ARN. Raises ``AwsError``."""
        function = self._functions.get(function_arn)
        if function is None:
            raise not_found(function_arn)
        return function

    def anywhere(self, name: str) -> tuple[Function, str]:
        """A function by name in whatever region it is. Raises ``AwsError``."""
        parsed = parse_name(name)
        for function in self:
            if function.name == parsed.name and parsed.region in ("", function.region):
                return function, parsed.qualifier
        raise not_found(self._arn(parsed.name, parsed.region or "us-east-1"))

    # --- making and changing --------------------------------------------------------------

    async def create(self, parameters: Mapping[str, Any], region: str) -> Function:
        """CreateFunction. Raises ``AwsError``."""
        parsed = parse_name(str(parameters.get("FunctionName") or ""))
        function_arn = self._arn(parsed.name, parsed.region or region)
        self._refuse_existing(function_arn, parsed.name)
        settings = new_settings(parameters)
        tags = text_map(parameters.get("Tags") or {}, "Tags")
        package = await self._package(parameters.get("Code"))
        try:
            self._refuse_existing(function_arn, parsed.name)
        except AwsError:
            self._code.remove(package)
            raise
        log = FunctionLog(parsed.name, self._options.log_lines_max, self._options.on_log)
        latest = self._version(
            parsed.name, function_arn, function_arn.split(":")[3], LATEST, settings, package, log
        )
        function = Function(parsed.name, function_arn.split(":")[3], function_arn, log, latest)
        function.tags = tags
        self._functions[function_arn] = function
        if parameters.get("Publish"):
            self.publish(function)
        return function

    def configure(self, function: Function, parameters: Mapping[str, Any]) -> FunctionVersion:
        """UpdateFunctionConfiguration. Raises ``AwsError``."""
        check_revision(function.latest, parameters)
        settings = changed_settings(function.latest.settings, parameters)
        return self._replace_latest(function, settings, function.latest.code)

    async def change_code(
        self, function: Function, parameters: Mapping[str, Any]
    ) -> FunctionVersion:
        """UpdateFunctionCode. Raises ``AwsError``."""
        check_revision(function.latest, parameters)
        settings = function.latest.settings
        if parameters.get("Architectures"):
            settings = changed_settings(settings, {"Architectures": parameters["Architectures"]})
        package = await self._package(parameters)
        if parameters.get("DryRun"):
            self._code.remove(package)
            return function.latest
        version = self._replace_latest(function, settings, package)
        return self.publish(function) if parameters.get("Publish") else version

    def publish(self, function: Function, description: str | None = None) -> FunctionVersion:
        """PublishVersion: the newest version again where nothing has changed since."""
        latest = function.latest
        newest = next(reversed(function.versions.values()), None)
        if newest is not None and (newest.code, newest.settings) == (latest.code, latest.settings):
            return newest
        number = str(1 + max(map(int, function.versions), default=0))
        settings = latest.settings
        if description is not None:
            settings = changed_settings(settings, {"Description": description})
        version = self._version(
            function.name,
            function.arn,
            function.region,
            number,
            settings,
            latest.code,
            function.log,
        )
        function.versions[number] = version
        return version

    def delete(self, function: Function, qualifier: str) -> bool:
        """DeleteFunction, whole or one version; True where it is gone. Raises ``AwsError``."""
        if qualifier:
            self._delete_version(function, qualifier)
            return False
        for version in (function.latest, *function.versions.values()):
            self._discard(version)
        del self._functions[function.arn]
        return True

    def clear(self) -> None:
        """Forget all functions and their code."""
        self._functions.clear()
        self._unused.clear()
        self._code.close()

    # --- inside ---------------------------------------------------------------------------

    def _arn(self, name: str, region: str) -> str:
        return arn("lambda", region, f"function:{name}", self._account_id)

    def _refuse_existing(self, function_arn: str, name: str) -> None:
        if function_arn in self._functions:
            raise AwsError(
                "ResourceConflictException",
                f"Function already exist: {name}",
                409,
                {"Type": "User"},
            )

    def _delete_version(self, function: Function, qualifier: str) -> None:
        if qualifier == LATEST:
            raise wrong("$LATEST version cannot be deleted without deleting the function.")
        if any(alias.version == qualifier for alias in function.aliases.values()):
            raise AwsError(
                "ResourceConflictException",
                f"Unable to delete version because an alias refers to it: {qualifier}",
                409,
            )
        version = function.versions.pop(qualifier, None)
        if version is None:
            raise not_found(f"{function.arn}:{qualifier}")
        self._discard(version, function)

    def _replace_latest(
        self, function: Function, settings: FunctionSettings, code: CodePackage
    ) -> FunctionVersion:
        old = function.latest
        function.latest = self._version(
            function.name, function.arn, function.region, LATEST, settings, code, function.log
        )
        self._discard(old, function)
        return function.latest

    def _discard(self, version: FunctionVersion, function: Function | None = None) -> None:
        """End a version's environments; its code goes with the last of them, if none needs it."""
        needed = () if function is None else (function.latest, *function.versions.values())
        if all(other.code is not version.code for other in needed):
            self._unused.append(version.code)
        self._pool.retire(version.deployment)
        self._sweep()

    def _sweep(self) -> None:
        held = [package for package in self._unused if self._pool.holds(package.directory)]
        for package in self._unused:
            if package not in held:
                self._code.remove(package)
        self._unused = held

    def _version(
        self,
        name: str,
        function_arn: str,
        region: str,
        version: str,
        settings: FunctionSettings,
        code: CodePackage,
        log: FunctionLog,
    ) -> FunctionVersion:
        wall_s = self._clock.wall_s()
        return make_version(name, function_arn, region, version, settings, code, log, wall_s)

    async def _package(self, code: object) -> CodePackage:
        if not isinstance(code, Mapping):
            raise wrong("Please provide a source for function code.")
        if code.get("ZipFile"):
            archive = _decoded(code["ZipFile"])
        elif code.get("S3Bucket") and code.get("S3Key"):
            archive = self._stored(str(code["S3Bucket"]), str(code["S3Key"]))
        elif code.get("ImageUri"):
            raise wrong("The twin runs functions from ZIP archives only, not from images.")
        else:
            raise wrong("Please provide a source for function code.")
        return await asyncio.to_thread(self._code.unpack, archive)

    def _stored(self, bucket: str, key: str) -> bytes:
        if self._options.code_store is None:
            raise wrong("This twin has no S3 to read code from; send it as ZipFile.")
        try:
            return self._options.code_store.read_object(bucket, key)
        except AwsError as error:
            raise wrong(
                "Error occurred while GetObject. S3 Error Code: "
                f"{error.code}. S3 Error Message: {error.message}"
            ) from error


def check_revision(version: FunctionVersion, parameters: Mapping[str, Any]) -> None:
    """Refuse a change that was meant for another revision. Raises ``AwsError``."""
    wanted = parameters.get("RevisionId")
    if wanted is not None and wanted != version.revision_id:
        raise AwsError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the "
            "GetFunction/GetAlias API to retrieve the latest Revision Id",
            412,
        )


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise AwsError("SerializationException", "ZipFile must be base64") from None
