"""Every request on the port: to the control interface, to one of our services, or to moto."""

from __future__ import annotations

import itertools
import secrets
from typing import Any
from urllib.parse import quote, urlsplit

from cloud_twin.errors import AwsError
from cloud_twin.faults import Subject
from cloud_twin.server import moto_front, refusals
from cloud_twin.server.bindings import MOTO_TARGETS, Binding, Bindings
from cloud_twin.server.bodies import BadBody, unpack
from cloud_twin.server.control import PREFIX, Control
from cloud_twin.server.exchange import Exchange, Floor
from cloud_twin.server.moto_bridge import MotoBridge
from cloud_twin.server.reply import Reply
from cloud_twin.server.request import Request
from cloud_twin.server.resources import resources_of
from cloud_twin.server.signature import Scope, Signatures
from cloud_twin.service import Call, Protocols

_LOCAL_DOMAINS = (".localhost", ".127.0.0.1")


class Dispatcher:
    """The application behind the port."""

    def __init__(
        self, floor: Floor, bindings: Bindings, control: Control, moto: MotoBridge
    ) -> None:
        self._floor = floor
        self._bindings = bindings
        self._control = control
        self._moto = moto
        self._signatures = Signatures(floor.clock)
        self._id_prefix = (
            f"{secrets.token_hex(4)}-{secrets.token_hex(2)}-4{secrets.token_hex(1)}0-8000-"
        )
        self._ids = itertools.count(1)

    def handle(self, request: Request, reply: Reply) -> None:
        """Answer one request."""
        if "origin" in request.headers and not _from_here(request.headers["origin"]):
            why = "the twin takes no requests from pages of other sites"
            self.refuse(request, reply, 403, why)
            return
        if request.path.startswith(PREFIX):
            self._floor.spawn(self._control.answer(request, reply))
            return
        try:
            scope = self._signatures.read(request)
        except AwsError as error:
            self._refuse_signature(request, reply, error)
            return
        if scope is None:
            self._handle_unsigned(request, reply)
            return
        binding = self._bindings.signed_for(scope.service)
        if binding is None:
            self._floor.spawn(self._moto.pass_on(request, reply))
        else:
            self._handle_signed(request, reply, binding, scope.region)

    def refuse(self, request: Request, reply: Reply, status: int, why: str) -> None:
        """Answer a request that could not be read to its end."""
        binding = self._named(request)
        if binding is None or status not in (408, 413):
            headers = {"content-type": "text/plain"}
            reply.send(status, headers, f"{why}\n".encode(), self._floor.date.text())
            return
        refusal = refusals.too_large if status == 413 else refusals.too_slow
        self._exchange(request, reply, binding, "", "us-east-1").fail(
            refusal(why, binding.protocol)
        )

    # --- ours -----------------------------------------------------------------------------

    def _handle_signed(self, request: Request, reply: Reply, binding: Binding, region: str) -> None:
        if binding.protocol is Protocols.REST_XML:
            _to_path_style(request)
        headers = request.headers
        if "content-encoding" in headers or "x-amz-content-sha256" in headers:
            try:
                unpack(request)
            except BadBody as error:
                exchange = self._exchange(request, reply, binding, "", region)
                exchange.fail(refusals.malformed(str(error), binding.protocol))
                return
        operation = binding.wire.operation(request)
        if self._is_motos(binding, request, operation):
            if binding.moto is None:
                self._floor.spawn(self._moto.pass_on(request, reply))
                return
            binding = binding.moto
        exchange = self._exchange(request, reply, binding, operation or "", region)
        if operation is None:
            exchange.fail(refusals.unknown_operation(request.called, binding.protocol))
            return
        try:
            parameters = binding.wire.decode(request, operation)
        except AwsError as error:
            exchange.fail(error)
            return
        self._run(exchange, parameters)

    def _run(self, exchange: Exchange, parameters: dict[str, Any]) -> None:
        call = exchange.call
        call.parameters = parameters
        faults = self._floor.faults
        if not faults.active:
            exchange.run(None)
            return
        resources = resources_of(call.service, parameters)
        subject = Subject(call.service, call.operation, resources, call.attempt)
        exchange.run(faults.effect(subject))

    def _is_motos(self, binding: Binding, request: Request, operation: str | None) -> bool:
        if operation is None:
            target = request.headers.get("x-amz-target", "")
            return binding.shared or target.startswith(MOTO_TARGETS)
        return binding.operations is not None and operation not in binding.operations

    def _exchange(
        self, request: Request, reply: Reply, binding: Binding, operation: str, region: str
    ) -> Exchange:
        headers = request.headers
        call = Call(
            binding.name,
            operation,
            {},
            request.body,
            headers,
            f"{self._id_prefix}{next(self._ids):012x}",
            region,
            headers.get("amz-sdk-invocation-id", ""),
            _attempt(headers.get("amz-sdk-request", "")),
        )
        return Exchange(self._floor, binding, request, reply, call)

    # --- not signed, or not well ----------------------------------------------------------

    def _handle_unsigned(self, request: Request, reply: Reply) -> None:
        if request.headers.get("authorization", "").startswith("Bearer "):
            binding = self._bindings.guess(request)
            if binding is not None and binding.name == "bedrock-runtime":
                self._handle_signed(request, reply, binding, "us-east-1")
                return
        binding = self._bindings.guess(request)
        if binding is None and moto_front.takes_unsigned(request):
            self._floor.spawn(self._moto.pass_on(request, reply))
            return
        if binding is None:
            refusal = refusals.missing_authentication(moto_front.protocol_of(request))
            self._moto.refuse(request, reply, refusal)
            return
        operation = binding.wire.operation(request) or ""
        exchange = self._exchange(request, reply, binding, operation, "us-east-1")
        exchange.fail(refusals.missing_authentication(binding.protocol))

    def _refuse_signature(self, request: Request, reply: Reply, error: AwsError) -> None:
        binding = self._named(request)
        if binding is None:
            refusal = refusals.bad_signature(error, moto_front.protocol_of(request))
            self._moto.refuse(request, reply, refusal)
            return
        operation = binding.wire.operation(request) or ""
        exchange = self._exchange(request, reply, binding, operation, "us-east-1")
        exchange.fail(refusals.bad_signature(error, binding.protocol))

    def _named(self, request: Request) -> Binding | None:
        """The service of a request whose signature cannot be trusted to name it."""
        scope: Scope | None = None
        try:
            scope = self._signatures.read(request)
        except AwsError:
            text = request.headers.get("authorization", "") + request.query
            for name in self._bindings.signing_names:
                if f"/{name}/" in text or f"%2F{name}%2F" in text:
                    return self._bindings.signed_for(name)
        if scope is not None:
            return self._bindings.signed_for(scope.service)
        return self._bindings.guess(request)


def _attempt(text: str) -> int:
    """From ``attempt=2; max=4``; 1 where there is none."""
    at = text.find("attempt=")
    if at < 0:
        return 1
    number = text[at + 8 :].partition(";")[0].strip()
    return int(number) if number.isdigit() and len(number) < 6 else 1


def _from_here(origin: str) -> bool:
    """Whether a browser sends it for a page of this machine.

    Any other page could run functions here, as a signature may stand in the address.
    """
    host = urlsplit(origin).hostname or ""
    return host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")


def _to_path_style(request: Request) -> None:
    """``bucket.localhost/key`` becomes ``/bucket/key``."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    for domain in _LOCAL_DOMAINS:
        if host.endswith(domain):
            bucket = host[: -len(domain)].removesuffix(".s3")
            if bucket and bucket != "s3":
                request.path = f"/{quote(bucket)}{request.path}"
            return
