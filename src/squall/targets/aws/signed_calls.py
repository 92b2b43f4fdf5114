"""HTTP requests to one AWS service: head, signature, body. Credentials stay fresh by themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

from squall.targets.aws.access import Credentials
from squall.targets.aws.signing import Scope, Shape, Signer

Buffer = bytes | bytearray | memoryview


class SignedCalls:
    """Writes requests of one shape. ``wall_clock`` gives Unix seconds."""

    def __init__(
        self,
        shape: Shape,
        scope: Scope,
        credentials: Credentials,
        wall_clock: Callable[[], float],
    ) -> None:
        self._credentials = credentials
        self._clock = wall_clock
        self._signer = Signer(shape, scope, credentials.keys)
        fields = "".join(f"{name}: {value}\r\n" for name, value in shape.headers.items())
        query = "&".join(f"{name}={value}" for name, value in shape.query)
        path = shape.path + (f"?{query}" if query else "")
        self._start = f"{shape.method} {path} HTTP/1.1\r\n{fields}".encode()

    def request(self, parts: Sequence[Buffer]) -> list[Buffer]:
        """A whole request with a body of these parts; they are not copied."""
        digest, length = sha256(), 0
        for part in parts:
            digest.update(part)
            length += len(part)
        return [self.head(digest.hexdigest(), length), *parts]

    def head(self, body_sha256: str, length: int) -> bytes:
        """The head of a request now."""
        now_s = self._clock()
        credentials, signer = self._credentials, self._signer
        credentials.renew_if_due(now_s)
        if credentials.keys is not signer.keys:
            signer.keys = credentials.keys
        signature = signer.sign_digest(body_sha256, now_s)
        return b"%b%bContent-Length: %d\r\n\r\n" % (self._start, signature, length)

    def keys_refused(self) -> None:
        """AWS says that the credentials have expired: look for newer ones."""
        self._credentials.renew_if_due(self._clock(), at_once=True)


def json_shape(host: str, operation: str, version: str = "1.1") -> Shape:
    """Requests of a JSON service for one operation (``Kinesis_20131202.PutRecords``)."""
    headers: Mapping[str, str] = {
        "Host": host,
        "Content-Type": f"application/x-amz-json-{version}",
        "X-Amz-Target": operation,
    }
    return Shape("POST", "/", headers)
