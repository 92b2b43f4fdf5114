"""Region, endpoint and credentials, found as every AWS tool finds them: by botocore.

Nothing secret is pickled: load workers get the profile's name and open their credentials
themselves.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from squall.errors import ConfigurationError
from squall.load_generator.target_spec import Endpoint
from squall.targets.aws.signing import Keys

if TYPE_CHECKING:
    from botocore.session import Session

_RENEW_EVERY_S = 20.0
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Access:
    """Where AWS is and as whom it is used; picklable, without secrets."""

    region: str
    profile: str | None
    endpoint_url: str | None
    """Given for all services; None: as configured, else AWS's own."""
    ca_file: str | None


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """One service's endpoint. ``host`` is the Host header field."""

    endpoint: Endpoint
    host: str
    url: str


def open_session(profile: str | None) -> Session:
    """A botocore session.

    Raises:
        ConfigurationError: the ``aws`` extra is not installed, or there is no such profile.
    """
    try:
        import botocore.session
    except ImportError as error:
        raise ConfigurationError(
            "AWS targets need the aws extra: install it with pip install 'squall[aws]'"
        ) from error
    session = botocore.session.Session(profile=profile)
    _tried(session.get_scoped_config)
    return session


def resolve_access(region: str | None, profile: str | None, endpoint_url: str | None) -> Access:
    """What was given, completed from the environment and AWS's configuration files.

    Raises:
        ConfigurationError: no region or no credentials are found, or a file is wrong.
    """
    session = open_session(profile)
    # botocore knows AWS_DEFAULT_REGION alone; all other AWS tools put AWS_REGION first.
    found: Any = region or os.environ.get("AWS_REGION")
    found = found or _tried(lambda: session.get_config_variable("region"))
    if not found:
        raise ConfigurationError(
            "no AWS region: add region=… to the target (kinesis://NAME?region=eu-west-1), set "
            "AWS_REGION, or give the profile one with aws configure"
        )
    verify: Any = session.get_config_variable("ca_bundle")
    Credentials(session)
    return Access(str(found), profile, endpoint_url, verify or None)


def service_address(access: Access, service: str) -> ServiceAddress:
    """The endpoint of a service (``kinesis``, ``dynamodb``, ``lambda``).

    Raises:
        ConfigurationError: what is configured is no endpoint.
    """
    url = open_client(access, service).meta.endpoint_url
    parts = urlsplit(url)
    if parts.path not in ("", "/"):
        raise ConfigurationError(f"the endpoint {url} must end after the port")
    return ServiceAddress(Endpoint.of_url(url, ca_file=access.ca_file), parts.netloc, url)


def open_client(access: Access, service: str) -> Any:
    """A botocore client of any service (``cloudwatch``), for what happens beside the load.

    Raises:
        ConfigurationError: what is configured cannot be used.
    """
    session = open_session(access.profile)
    return _tried(
        lambda: session.create_client(
            service, region_name=access.region, endpoint_url=access.endpoint_url
        )
    )


class Credentials:
    """Credentials that stay fresh. Temporary ones are renewed beside the load, in a thread.

    Raises:
        ConfigurationError: there are none.
    """

    def __init__(self, session: Session) -> None:
        self._source: Any = _tried(session.get_credentials)
        if self._source is None:
            raise ConfigurationError(
                "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a "
                "profile with AWS_PROFILE or profile=…; the twin takes any (test and test)"
            )
        self._renewing: threading.Thread | None = None
        self._checked_s = 0.0
        self.keys = self._frozen()
        """Those in force; read anew for every request."""

    def renew_if_due(self, now_s: float, *, at_once: bool = False) -> None:
        """Look for newer ones every 20 s, or ``at_once``, without waiting for them."""
        if not at_once and now_s - self._checked_s < _RENEW_EVERY_S:
            return
        self._checked_s = now_s
        if self._renewing is None or not self._renewing.is_alive():
            self._renewing = threading.Thread(target=self._renew, daemon=True)
            self._renewing.start()

    def _renew(self) -> None:
        try:
            self.keys = self._frozen()
        except ConfigurationError:
            return  # the old ones stay; AWS says so itself once they are of no use

    def _frozen(self) -> Keys:
        frozen = _tried(self._source.get_frozen_credentials)
        if not frozen.access_key or not frozen.secret_key:
            raise ConfigurationError("the AWS credentials are incomplete: key id or secret missing")
        return Keys(frozen.access_key, frozen.secret_key, frozen.token)


def open_credentials(profile: str | None) -> Credentials:
    """The credentials of a profile, or those that AWS tools find without one."""
    return Credentials(open_session(profile))


def _tried(find: Callable[[], _Found]) -> _Found:
    """What botocore finds; its complaints as configuration errors."""
    from botocore.exceptions import BotoCoreError

    try:
        return find()
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"AWS configuration: {error}") from error
