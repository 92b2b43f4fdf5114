import asyncio
import contextlib
from collections.abc import AsyncIterator

import orjson
import pytest
from tests.targets.servers import response, tcp_server

from squall.errors import ConfigurationError, TargetProtocolError
from squall.models import PlatformSetup
from squall.targets.stream_platform import serve_arguments
from squall.targets.twin import limit_twin

TWIN = "http://127.0.0.1:8710"


def test_a_plain_setup_leaves_out_what_it_does_not_say() -> None:
    arguments = serve_arguments(PlatformSetup(), TWIN, None, cores=2)
    assert "--mode=stream" in arguments
    assert f"--endpoint-url={TWIN}" in arguments
    assert "--shards=2" in arguments
    assert "--parallelisation-max=1" in arguments
    for option in (
        "--decision-shards", "--reasoning-model", "--second-look", "--external-url", "--no-scaling",
    ):  # fmt: skip
        assert not any(argument.startswith(option) for argument in arguments)


def test_a_setup_is_handed_on() -> None:
    setup = PlatformSetup(
        reasoning_model="m",
        second_look_s=1.5,
        external_checks=True,
        shards=4,
        decision_shards=1,
        scaling=False,
    )
    arguments = serve_arguments(setup, TWIN, "http://127.0.0.1:8420", cores=8)
    assert {
        "--reasoning-model=m",
        "--second-look=1.5",
        "--external-url=http://127.0.0.1:8420",
        "--shards=4",
        "--decision-shards=1",
        "--parallelisation-max=2",
        "--no-scaling",
    } <= set(arguments)


@contextlib.asynccontextmanager
async def twin_that_answers(status: int, body: bytes, seen: list[bytes]) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        seen.append(head + await reader.readexactly(length))
        writer.write(response(status, body))
        await writer.drain()

    async with tcp_server(serve) as port:
        yield f"http://127.0.0.1:{port}"


async def test_limits_are_put_in_force() -> None:
    seen: list[bytes] = []
    async with twin_that_answers(200, b"{}", seen) as url:
        await limit_twin(url, {"kinesis": {"records_per_shard_s": 100.0}})
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"PATCH /_twin/limits HTTP/1.1\r\n")
    assert orjson.loads(body) == {"kinesis": {"records_per_shard_s": 100.0}}


async def test_limits_that_are_refused_are_told_in_the_twins_words() -> None:
    refusal = {"error": "bad", "problems": [{"field": "kinesis.rate", "message": "is unknown"}]}
    async with twin_that_answers(400, orjson.dumps(refusal), []) as url:
        with pytest.raises(ConfigurationError, match=r"twin_limits: kinesis\.rate: is unknown"):
            await limit_twin(url, {"kinesis": {"rate": 1.0}})
    async with twin_that_answers(400, b"no", []) as url:
        with pytest.raises(ConfigurationError, match="twin_limits: no"):
            await limit_twin(url, {})
    async with twin_that_answers(500, b"", []) as url:
        with pytest.raises(TargetProtocolError, match="answered 500"):
            await limit_twin(url, {})
