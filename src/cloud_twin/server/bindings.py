"""Services by everything a request can name them with, each with its protocol."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from cloud_twin.server.fis_actions import FisActions
from cloud_twin.server.moto_bridge import MotoBridge
from cloud_twin.server.moto_modelled import MotoModelled
from cloud_twin.server.request import Request
from cloud_twin.server.wire.encoded import Wire
from cloud_twin.server.wire.json_rpc import JsonRpc
from cloud_twin.server.wire.modelled import Modelled
from cloud_twin.server.wire.rest_json import RestJson
from cloud_twin.server.wire.rest_xml import RestXml
from cloud_twin.service import Answer, Call, Protocols, Service

SHARED_WITH_MOTO = frozenset({"bedrock", "fis"})
"""Signing names that moto serves too: paths that ours does not know are moto's."""

MOTO_TARGETS = ("DynamoDBStreams_20120810.",)
"""Services of moto's with ``X-Amz-Target`` that are signed for as one of ours."""

_LAMBDA_PATH = re.compile(r"/20\d\d-\d\d-\d\d/(functions|event-source-mappings|layers|tags)\b")
_BEDROCK_PATH = re.compile(r"/model/[^/]+/(converse|invoke)")


class Handler(Protocol):
    """What carries out calls."""

    def handle(self, call: Call) -> Answer | Awaitable[Answer]:
        """As ``Service.handle``."""
        ...


@dataclass(slots=True)
class Binding:
    """A service and how it is spoken to."""

    service: Handler
    name: str
    target_prefix: str
    protocol: Protocols
    wire: Wire
    operations: frozenset[str] | None
    """Those that it knows; others are moto's. None: all calls are its own."""
    shared: bool
    moto: Binding | None = None
    """The same wire in front of moto, where moto does not speak it itself."""


def bind(service: Service, moto: MotoBridge) -> Binding:
    """Choose the protocol's implementation."""
    wire: Wire
    if service.protocol in (Protocols.JSON_1_0, Protocols.JSON_1_1):
        wire = JsonRpc(service)
    elif service.protocol is Protocols.REST_JSON:
        wire = RestJson(service)
    elif service.protocol is Protocols.REST_XML:
        wire = RestXml(service)
    else:
        wire = Modelled(service)
    binding = Binding(
        service,
        service.name,
        service.target_prefix,
        service.protocol,
        wire,
        getattr(service, "operations", None),
        not SHARED_WITH_MOTO.isdisjoint(service.signing_names),
    )
    if isinstance(wire, Modelled):
        binding.moto = replace(binding, service=MotoModelled(moto, wire.model), operations=None)
    return binding


def _fis() -> Binding:
    """The list of actions in front of moto's FIS."""
    listed = FisActions()
    wire = RestJson(listed)
    return Binding(listed, "fis", "", Protocols.REST_JSON, wire, operations=None, shared=True)


class Bindings:
    """All services of the twin."""

    def __init__(self, services: Sequence[Service], moto: MotoBridge) -> None:
        self._by_name = {service.name: bind(service, moto) for service in services}
        self._served = {service.name: frozenset(service.served) for service in services}
        self._by_signing_name = {
            name: self._by_name[service.name]
            for service in services
            for name in service.signing_names
        }
        self._by_signing_name["fis"] = _fis()
        self._by_target = {
            binding.target_prefix: binding
            for binding in self._by_name.values()
            if binding.target_prefix
        }

    @property
    def signing_names(self) -> Collection[str]:
        """All names in credential scopes that mean one of ours."""
        return self._by_signing_name.keys()

    def operations(self) -> Mapping[str, frozenset[str]]:
        """What calls can be named by service, those too that one of ours leaves to moto."""
        found = dict(self._served)
        for name, binding in self._by_name.items():
            if isinstance(binding.wire, Modelled):
                found[name] |= binding.wire.model.operation_names
        return found

    def signed_for(self, signing_name: str) -> Binding | None:
        """The service a signature is for; None where it is moto's."""
        return self._by_signing_name.get(signing_name)

    def guess(self, request: Request) -> Binding | None:
        """The service an unsigned request means; None where it is moto's or nobody's."""
        target = request.headers.get("x-amz-target")
        if target is not None:
            return self._by_target.get(target.partition(".")[0])
        path = request.path
        if path.startswith("/service/"):
            return self._by_target.get(path.split("/")[2])
        if _LAMBDA_PATH.match(path):
            return self._by_name.get("lambda")
        if _BEDROCK_PATH.match(path):
            return self._by_name.get("bedrock-runtime")
        if request.is_form:
            is_cloudwatch = b"Version=2010-08-01" in (request.body or request.query.encode())
            return self._by_name.get("cloudwatch") if is_cloudwatch else None
        return self._by_name.get("s3")
