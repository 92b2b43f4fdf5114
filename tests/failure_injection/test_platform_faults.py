"""The faults of the platform against its control as ``docs/platform-api.md`` describes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from squall.errors import ConfigurationError, TargetProtocolError, TargetUnreachable
from squall.failure_injection import make_fault
from squall.models import AgentFault, GatewayFault
from squall.targets.installation import Installation

PATH = "/v1/_control/disturbances"
REASONS = {200: "OK", 201: "Created", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}


@dataclass
class Control:
    """A control that answers as it is told, and remembers what it was asked."""

    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split(" ", 2)
                length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
                self.asked.append((method, path, orjson.loads(await reader.readexactly(length))))
                status, document = self.answers.pop(0)
                body = document if isinstance(document, bytes) else orjson.dumps(document)
                line = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(line.encode() + body)
        except asyncio.IncompleteReadError:
            writer.close()


@pytest.fixture
async def control() -> AsyncIterator[Control]:
    made = Control()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()


def refusal(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def agent_fault(**fields: Any) -> AgentFault:
    return AgentFault(
        name="slow", during="hold", type="agent", agent="pattern_detector", **fields
    )  # fmt: skip


AWAY = GatewayFault(name="away", during="hold", type="gateway")


@pytest.mark.parametrize(
    ("spec", "asked", "what"),
    [
        (
            agent_fault(fails=True),
            {"agent": "pattern_detector", "fails": True},
            "agent pattern_detector fails",
        ),
        (
            agent_fault(delay_ms=800),
            {"agent": "pattern_detector", "delay_ms": 800.0},
            "agent pattern_detector takes 800 ms more",
        ),
        (
            agent_fault(delay_ms=100, delay_ms_max=5000),
            {"agent": "pattern_detector", "delay_ms": 100.0, "delay_ms_max": 5000.0},
            "agent pattern_detector takes 100 to 5000 ms more",
        ),
        (AWAY, {"gateway": "away"}, "one gateway is out of service, as in a rolling restart"),
    ],
)
async def test_a_fault_is_leased_renewed_and_ended(
    control: Control, spec: AgentFault | GatewayFault, asked: dict[str, Any], what: str
) -> None:
    fault = make_fault(spec, Installation(platform_url=control.url))
    assert fault.what == what
    control.answers = [(201, {"id": "d7"}), (200, {"id": "d7"}), (200, {"ended": "d7"})]
    await fault.begin(15.0)
    await fault.renew(20.0)
    await fault.end()
    await fault.end()  # harmless, and not even asked
    await fault.close()
    assert control.asked == [
        ("POST", PATH, {**asked, "lease_s": 15.0}),
        ("POST", f"{PATH}/d7/renew", {"lease_s": 20.0}),
        ("DELETE", f"{PATH}/d7", {}),
    ]


async def test_a_fault_that_ran_out_by_itself_has_ended(control: Control) -> None:
    fault = make_fault(AWAY, Installation(platform_url=control.url))
    control.answers = [(201, {"id": "g1"}), (404, refusal("no_such_disturbance", "it has ended"))]
    await fault.begin(15.0)
    await fault.end()
    await fault.close()


@pytest.mark.parametrize("status", [403, 409])
async def test_a_platform_that_refuses_is_quoted(control: Control, status: int) -> None:
    fault = make_fault(AWAY, Installation(platform_url=control.url))
    control.answers = [(status, refusal("x", "start it with --allow-disturbance"))]
    with pytest.raises(ConfigurationError, match="start it with --allow-disturbance"):
        await fault.begin(15.0)
    await fault.end()
    await fault.close()
    assert len(control.asked) == 1


async def test_answers_that_make_no_sense_are_said_to_be_such(control: Control) -> None:
    fault = make_fault(AWAY, Installation(platform_url=control.url))
    control.answers = [(200, b"hello"), (201, b"hello"), (201, {"id": "g1"}), (404, {})]
    for _ in range(2):
        with pytest.raises(TargetProtocolError):
            await fault.begin(15.0)
    await fault.begin(15.0)
    with pytest.raises(TargetProtocolError, match="404"):
        await fault.renew(15.0)
    await fault.close()


async def test_nothing_there_is_unreachable() -> None:
    fault = make_fault(AWAY, Installation(platform_url="http://127.0.0.1:9"))
    with pytest.raises(TargetUnreachable):
        await fault.begin(15.0)
    await fault.close()


@pytest.mark.parametrize("spec", [agent_fault(fails=True), AWAY])
def test_it_needs_the_platform(spec: AgentFault | GatewayFault) -> None:
    with pytest.raises(ConfigurationError, match="use --target inline or stream"):
        make_fault(spec, Installation())


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "give either fails: true or delay_ms"),
        ({"fails": True, "delay_ms": 5}, "give either fails: true or delay_ms"),
        ({"fails": True, "delay_ms_max": 5}, "goes with delay_ms"),
        ({"delay_ms": 50, "delay_ms_max": 5}, "must not be below it"),
        ({"delay_ms": 0}, "greater than 0"),
        ({"delay_ms": 60_001}, "less than or equal to 60000"),
    ],
)
def test_a_fault_does_one_thing(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        agent_fault(**fields)
