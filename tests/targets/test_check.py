"""Every way in which a target can be unusable gives one message that says what to change."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from tests.targets.certificates import Authority
from tests.targets.servers import Handler, http_server, response, target, tcp_server

from squall.errors import TargetError, TargetProtocolError, TargetUnreachable
from squall.load_generator.target_spec import Endpoint
from squall.targets import HttpClient
from squall.targets import http_target as http_target_module


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that nothing listens at: bound, so that nobody else can take it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def writes(data: bytes) -> Handler:
    """Reads something, writes this, and ends the connection."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return handler


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def message_of(error: type[TargetError], port: int, **parts: object) -> str:
    """What ``check`` says; without the address, which changes from run to run."""
    with pytest.raises(error) as raised:
        await target(port, **parts).check()  # type: ignore[arg-type]
    return str(raised.value).replace(str(port), "PORT")


async def test_nothing_listens(free_port: int) -> None:
    assert await message_of(TargetUnreachable, free_port) == (
        "nothing listens at 127.0.0.1:PORT: start the target or correct the address"
    )


async def test_nothing_listens_at_any_address_of_a_name(free_port: int) -> None:
    assert await message_of(TargetUnreachable, free_port, host="localhost") == (
        "nothing listens at localhost:PORT: start the target or correct the address"
    )


async def test_the_name_is_not_known() -> None:
    assert await message_of(TargetUnreachable, 80, host="no-such-host.invalid") == (
        "the host name no-such-host.invalid is not known: correct the url"
    )


async def test_no_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_target_module, "CHECK_TIMEOUT_S", 0.2)
    async with tcp_server(silent) as port:
        assert await message_of(TargetUnreachable, port) == (
            "127.0.0.1:PORT took the connection but gave no answer within 0.2 s: is it running "
            "and reachable?"
        )


async def test_no_connection_in_time() -> None:
    with socket.socket() as full:  # its queue of one is taken, so the kernel answers nobody else
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        client = HttpClient(Endpoint("127.0.0.1", port), timeout_s=0.2)
        with pytest.raises(TargetUnreachable) as raised:
            await client.get("/")
        for one in waiting:
            one.close()
    assert str(raised.value) == (
        f"127.0.0.1:{port} took no connection within 0.2 s: is it running and reachable?"
    )


async def test_a_handshake_without_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        client = HttpClient(Endpoint("127.0.0.1", port, tls=True), timeout_s=0.5)
        with pytest.raises(TargetUnreachable) as raised:
            await client.get("/")
    assert str(raised.value) == (
        f"127.0.0.1:{port} took the connection, but the TLS handshake got no answer within "
        "0.45 s: is it really an https address?"
    )


@pytest.mark.parametrize("handler", [closes, writes(b"")])
async def test_the_connection_is_closed_at_once(handler: Handler) -> None:
    async with tcp_server(handler) as port:
        assert await message_of(TargetUnreachable, port) == (
            "127.0.0.1:PORT closed the connection without an answer: is it an HTTP service, and "
            "is this its port; for a TLS port write https://?"
        )


@pytest.mark.parametrize(
    "banner", [b"220 mail.example ESMTP\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\x01\xfe\xff"]
)
async def test_what_answers_is_not_http(banner: bytes) -> None:
    async with tcp_server(writes(banner)) as port:
        assert await message_of(TargetProtocolError, port) == (
            "what answers at 127.0.0.1:PORT does not speak HTTP/1.1 (Expected HTTP/, RTSP/ or "
            "ICE/): is this the right port?"
        )


async def test_half_an_answer() -> None:
    async with tcp_server(writes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")) as port:
        assert "closed the connection in the middle of an answer" in await message_of(
            TargetUnreachable, port
        )


async def test_an_answer_too_large_to_be_one() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 17000000\r\n\r\n"
    async with tcp_server(writes(head + bytes(17_000_000))) as port:
        assert await message_of(TargetProtocolError, port) == (
            "an answer of 127.0.0.1:PORT cannot be read (body over 16777216 bytes)"
        )


async def test_plain_text_to_a_tls_port(authority: Authority) -> None:
    async with http_server(lambda path, fields: response(200), authority.server("good")) as port:
        message = await message_of(TargetError, port)
    assert "https://" in message


@pytest.mark.parametrize(
    "answer",
    [
        b"\x15\x03\x01\x00\x02\x02\x46",  # OpenSSL: a TLS alert
        response(400, b"<center>The plain HTTP request was sent to HTTPS port</center>"),  # nginx
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",  # Go
    ],
)
async def test_how_tls_servers_answer_plain_text(answer: bytes) -> None:
    async with tcp_server(writes(answer)) as port:
        assert await message_of(TargetProtocolError, port) == (
            "127.0.0.1:PORT expects TLS: write https:// in its url"
        )


@pytest.mark.parametrize(
    "handler", [writes(response(400, b"no")), writes(b"220 mail.example ESMTP\r\n")]
)
async def test_tls_to_a_plain_port(handler: Handler) -> None:
    async with tcp_server(handler) as port:
        assert await message_of(TargetUnreachable, port, scheme="https") == (
            "127.0.0.1:PORT does not speak TLS: write http:// in its url, or correct the port"
        )


CERTIFICATE_PROBLEMS = [
    (
        "good",
        "unable to get local issuer certificate): give its certificate authority as tls.ca_file in "
        "the target file",
    ),
    (
        "self-signed",
        "self-signed certificate): give that certificate as tls.ca_file in the target file",
    ),
]


@pytest.mark.parametrize(("name", "ending"), CERTIFICATE_PROBLEMS)
async def test_a_certificate_of_nobody_known(authority: Authority, name: str, ending: str) -> None:
    async with http_server(lambda path, fields: response(200), authority.server(name)) as port:
        message = await message_of(TargetUnreachable, port, scheme="https")
    assert message == f"the TLS certificate of 127.0.0.1:PORT cannot be trusted ({ending}"


@pytest.mark.parametrize(
    ("name", "host", "ending"),
    [
        (
            "expired",
            "127.0.0.1",
            "certificate has expired): renew it, or set tls.verify: false for a test system",
        ),
        (
            "other name",
            "localhost",
            "Hostname mismatch, certificate is not valid for 'localhost'): use a host name that "
            "the certificate names in the url",
        ),
    ],
)
async def test_a_certificate_that_is_wrong(
    authority: Authority, name: str, host: str, ending: str
) -> None:
    async with http_server(lambda path, fields: response(200), authority.server(name)) as port:
        message = await message_of(
            TargetUnreachable,
            port,
            scheme="https",
            host=host,
            tls={"ca_file": str(authority.ca_file)},
        )
    assert message == f"the TLS certificate of {host}:PORT cannot be trusted ({ending}"


@pytest.mark.parametrize("name", ["good", "self-signed", "expired"])
async def test_tls_that_works(authority: Authority, name: str) -> None:
    trusts: dict[str, dict[str, object]] = {
        "good": {"ca_file": str(authority.ca_file)},
        "self-signed": {"ca_file": str(authority.directory / "self-signed.pem")},
        "expired": {"verify": False},
    }
    async with http_server(lambda path, fields: response(200), authority.server(name)) as port:
        await target(port, scheme="https", tls=trusts[name]).check()


async def test_health_is_asked_with_the_constant_headers_alone() -> None:
    asked: list[tuple[str, dict[str, str]]] = []

    def respond(path: str, fields: dict[str, str]) -> bytes:
        asked.append((path, fields))
        return response(200, b'{"status":"ok"}')

    headers = {"Authorization": "Bearer t", "Idempotency-Key": "${transaction_id}", "accept": "a/b"}
    async with http_server(respond) as port:
        await target(port, health="/health", request={"headers": headers}).check()
    ((path, fields),) = asked
    assert path == "/health"
    expected = {"host": f"127.0.0.1:{port}", "accept": "a/b", "authorization": "Bearer t"}
    assert fields == expected


async def test_not_healthy() -> None:
    body = b'{\n  "status": "warming up",\n  "why": "%s"\n}' % (b"x" * 300)
    async with http_server(lambda path, fields: response(503, body)) as port:
        message = await message_of(TargetProtocolError, port, health="/health")
    assert message.startswith(
        'http://127.0.0.1:PORT/health answered 503: { "status": "warming up", "why": "xxx'
    )
    assert len(message) < 200
    assert message.endswith("x…")


async def test_health_that_redirects() -> None:
    moved = response(301, b"", "Location: /healthz")
    async with http_server(lambda path, fields: moved) as port:
        assert await message_of(TargetProtocolError, port, health="/health") == (
            "http://127.0.0.1:PORT/health answered 301, a redirect to /healthz; squall follows "
            "none: give the final address"
        )


async def test_everything_is_redirected_elsewhere() -> None:
    moved = response(308, b"", "Location: https://pay.example/")
    async with http_server(lambda path, fields: moved) as port:
        assert await message_of(TargetProtocolError, port) == (
            "http://127.0.0.1:PORT/ answered 308, a redirect to https://pay.example/; squall "
            "follows none: give the final address"
        )


@pytest.mark.parametrize(
    "answer",
    [
        response(404),
        response(401),
        response(500),
        response(302, b"", "Location: /docs"),
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    ],
)
async def test_without_a_health_path_any_answer_will_do(answer: bytes) -> None:
    async with tcp_server(writes(answer)) as port:
        await target(port).check()


async def test_a_kept_connection_that_has_ended_is_opened_again() -> None:
    connections = 0

    async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response(200, b"%d" % connections))  # and ends, though it did not say so
        await writer.drain()
        writer.close()

    async with tcp_server(one_answer) as port:
        client = HttpClient(Endpoint("127.0.0.1", port))
        assert [(await client.get("/")).body for _ in range(3)] == [b"1", b"2", b"3"]
        await client.close()


async def test_an_ipv6_address_is_written_in_brackets() -> None:
    assert str(Endpoint("::1", 80)) == "[::1]:80"
    assert target(8080, host="[::1]").spec.endpoint == Endpoint("::1", 8080)
