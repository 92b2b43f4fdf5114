"""Says in one sentence why a target could not be asked, and what to change."""

from __future__ import annotations

import errno
import re
import socket
import ssl

from squall.load_generator.engine.connector import describe_connect_error
from squall.load_generator.target_spec import Endpoint

_TLS_RECORD = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")
"""How a TLS record starts (RFC 8446, section 5.1): kind, then version."""
_PLAIN_AT_TLS = re.compile(rb"HTTP request (was sent )?to (an )?HTTPS", re.IGNORECASE)

# OpenSSL's verification results (openssl-verification-options(1)).
_EXPIRED, _NOT_YET_VALID = 10, 9
_SELF_SIGNED = 18
_UNKNOWN_AUTHORITIES = frozenset({2, 19, 20, 21})
_OTHER_NAMES = frozenset({62, 64})


class ClosedEarly(ConnectionError):
    """The other side ended the connection; ``midway``: in the middle of an answer."""

    def __init__(self, midway: bool) -> None:
        self.midway = midway
        super().__init__("closed early")


def speaks_tls(data: bytes) -> bool:
    """Whether this is how a TLS server answers plain text."""
    return _TLS_RECORD.match(data) is not None


def wants_tls(status: int, body: bytes) -> bool:
    """Whether this is how nginx, Go and others answer plain HTTP on an https port."""
    return status == 400 and _PLAIN_AT_TLS.search(body) is not None


def tls_expected(endpoint: Endpoint) -> str:
    """What to say where plain text met a TLS server."""
    return f"{endpoint} expects TLS: write https:// in its url"


def describe_failure(endpoint: Endpoint, error: Exception) -> str:
    """One sentence about an error while connecting to, or asking, an endpoint."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _describe_certificate(endpoint, error)
    if isinstance(error, ssl.SSLError) and error.reason in (
        "WRONG_VERSION_NUMBER",
        "RECORD_LAYER_FAILURE",
        "HTTP_REQUEST",
        "UNKNOWN_PROTOCOL",
        "PACKET_LENGTH_TOO_LONG",
    ):
        return f"{endpoint} does not speak TLS: write http:// in its url, or correct the port"
    if isinstance(error, socket.gaierror):
        return f"the host name {endpoint.host} is not known: correct the url"
    if _refused_everywhere(error):
        return f"nothing listens at {endpoint}: start the target or correct the address"
    if isinstance(error, ClosedEarly) and error.midway:
        return f"{endpoint} closed the connection in the middle of an answer: see its log"
    if isinstance(error, ConnectionError):
        tls = "" if endpoint.tls else "; for a TLS port write https://"
        return (
            f"{endpoint} closed the connection without an answer: is it an HTTP service, and is "
            f"this its port{tls}?"
        )
    return describe_connect_error(endpoint, error)


def _refused_everywhere(error: Exception) -> bool:
    """Whether every address of the host refused; several are tried for one name."""
    numbers = re.findall(r"\[Errno (\d+)\]", str(error))
    return isinstance(error, ConnectionRefusedError) or (
        bool(numbers) and all(int(number) == errno.ECONNREFUSED for number in numbers)
    )


def _describe_certificate(endpoint: Endpoint, error: ssl.SSLCertVerificationError) -> str:
    code, what = error.verify_code, error.verify_message.rstrip(".")
    start = f"the TLS certificate of {endpoint} cannot be trusted ({what})"
    if code in (_EXPIRED, _NOT_YET_VALID):
        return f"{start}: renew it, or set tls.verify: false for a test system"
    if code == _SELF_SIGNED:
        return f"{start}: give that certificate as tls.ca_file in the target file"
    if code in _UNKNOWN_AUTHORITIES:
        return f"{start}: give its certificate authority as tls.ca_file in the target file"
    if code in _OTHER_NAMES:
        return f"{start}: use a host name that the certificate names in the url"
    return f"{start}: give another tls.ca_file, or set tls.verify: false for a test system"
