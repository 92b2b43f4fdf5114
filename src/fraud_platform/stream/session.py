"""Where AWS is and as whom it is called: as every AWS tool finds out."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, UnknownEndpointError

from fraud_platform.errors import UsageError

_NO_REGION = "no AWS region: give --region, or set AWS_REGION"
_NO_CREDENTIALS = (
    "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
    " (a local twin takes any)"
)


class AwsSession:
    """Credentials, region and endpoints. Raises ``UsageError`` where one is missing."""

    def __init__(self, region: str | None = None, endpoint_url: str | None = None) -> None:
        try:
            self._session = botocore.session.get_session()
            found = region or self._session.get_config_variable("region")
            self._credentials = self._session.get_credentials()
        except BotoCoreError as error:
            raise UsageError(f"AWS settings cannot be used: {error}") from error
        if not found:
            raise UsageError(_NO_REGION)
        self.region: str = found
        self._endpoint_url = endpoint_url

    @property
    def endpoint_url(self) -> str | None:
        """The one endpoint of all services, where it was given."""
        return self._endpoint_url

    @cached_property
    def credentials(self) -> Any:
        """What requests are signed with; renewed by botocore where they expire."""
        if self._credentials is None:
            raise UsageError(_NO_CREDENTIALS)
        return self._credentials

    def client(self, service: str, attempts: int = 3, timeout_s: float = 60.0) -> Any:
        """A botocore client (``boto3.client`` is the same); retries in standard mode."""
        if self._credentials is None:
            raise UsageError(_NO_CREDENTIALS)
        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=5.0,
            read_timeout=timeout_s,
            s3={"addressing_style": "path"} if self._endpoint_url else {},
        )
        try:
            return self._session.create_client(
                service,
                region_name=self.region,
                endpoint_url=self._endpoint_url,
                config=config,
            )
        except (BotoCoreError, ValueError) as error:
            raise UsageError(f"{service} cannot be called: {error}") from error

    def endpoint(self, service: str) -> str:
        """The URL of a JSON service."""
        try:
            url = str(self.client(service).meta.endpoint_url)
        except UnknownEndpointError as error:
            raise UsageError(str(error)) from error
        return url.rstrip("/") + "/"
