"""Things put wrong on the real processes, and how they heal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.fraud_platform.documents import document
from tests.fraud_platform.platform_process import Client, HttpAnswer, Platform, decisions, post_all

from fraud_platform.learning.model import LearnedModel

Start = Callable[..., Platform]
CONTROL = "/v1/_control/disturbances"


@pytest.fixture
def start(
    tmp_path: Path, model: LearnedModel, model_dir: Path, history_file: Path
) -> Iterator[Start]:
    assert model.points
    running: list[Platform] = []

    def make(*options: str) -> Platform:
        running.append(Platform(tmp_path / "data", model_dir, history_file, *options))
        return running[-1]

    yield make
    for platform in running:
        if platform.process.poll() is None:
            platform.kill()


async def ask(platform: Platform, method: str, path: str = "", body: Any = None) -> HttpAnswer:
    """On a connection of its own: a gateway that is away ends those it has."""
    client = await Client.open(platform.port)
    answer = await client.request(
        method, CONTROL + path, b"" if body is None else orjson.dumps(body)
    )
    client.close()
    return answer


async def agents(platform: Platform) -> dict[str, Any]:
    client = await Client.open(platform.port)
    figures: dict[str, Any] = (await client.get("/v1/agents")).json
    client.close()
    return figures


async def figures_until(
    platform: Platform, reached: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while not reached(figures := await agents(platform)):
        assert time.monotonic() < deadline, figures
        await asyncio.sleep(0.1)
    return figures


def agent(figures: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in figures["agents"] if one["name"] == name)
    return found


async def test_a_platform_that_was_not_told_to_cannot_be_disturbed(start: Start) -> None:
    platform = start("--processes=2")
    what = {"agent": "compliance", "fails": True, "lease_s": 60}
    for answer in (await ask(platform, "POST", "", what), await ask(platform, "GET")):
        assert (answer.status, answer.code) == (403, "disturbance_not_allowed")
    answers = await post_all(platform.port, [document(number) for number in range(40)], 8)
    assert all(answer is not None and answer.status == 200 for answer in answers)
    assert agent(await agents(platform), "compliance")["failures"] == 0


@pytest.mark.parametrize("processes", ["--processes=1", "--processes=2"])
async def test_an_agent_goes_down_under_load_and_comes_back(start: Start, processes: str) -> None:
    platform = start(processes, "--allow-disturbance")
    numbers = iter(range(100_000))
    stop = asyncio.Event()
    answers: list[HttpAnswer] = []

    async def load() -> None:
        client = await Client.open(platform.port)
        while not stop.is_set():
            answers.append(await client.post(document(next(numbers))))
        client.close()

    loads = [asyncio.create_task(load()) for _ in range(8)]
    what = {"agent": "risk_assessor", "fails": True, "lease_s": 60}
    begun = await ask(platform, "POST", "", what)
    assert begun.status == 201
    down = await figures_until(platform, lambda f: agent(f, "risk_assessor")["failures"] >= 100)
    assert not agent(down, "risk_assessor")["healthy"]
    assert down["coordinator"]["fallbacks"] >= 100
    assert down["coordinator"]["quorum_failures"] == 0
    told = down["coordinator"]
    assert told["complete"] == told["decisions"] - told["fallbacks"]
    assert (await ask(platform, "DELETE", f"/{begun.json['id']}")).status == 200
    back = await figures_until(platform, lambda f: agent(f, "risk_assessor")["healthy"])
    stop.set()
    await asyncio.gather(*loads)
    assert {answer.status for answer in answers} == {200}
    assert agent(back, "risk_assessor")["outages"] == 1
    assert len(await decisions(platform.port, "testrun1")) == len(answers)
    log = platform.log.read_text()
    assert log.count("agent risk_assessor failed") == 1
    assert log.count("agent risk_assessor answers in time again") == 1


async def test_a_lease_ends_by_itself(start: Start) -> None:
    platform = start("--processes=2", "--allow-disturbance")
    what = {"agent": "compliance", "delay_ms": 30_000, "lease_s": 0.5}
    assert (await ask(platform, "POST", "", what)).status == 201
    deadline = time.monotonic() + 30
    while (await ask(platform, "GET")).json["disturbances"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    client = await Client.open(platform.port)
    for number in range(100):  # a rest after a late answer is over in a second
        answer = await client.post(document(number))
        if "R90" not in answer.json["reason_codes"]:
            break
        await asyncio.sleep(0.05)
    assert "R90" not in answer.json["reason_codes"]
    client.close()


async def test_a_gateway_goes_away_without_losing_anything_and_comes_back(start: Start) -> None:
    platform = start("--processes=3", "--allow-disturbance")
    clients = [await Client.open(platform.port) for _ in range(40)]
    before = await figures_until(platform, lambda f: f.get("balance", {}).get("units") == 2)
    assert before["processes"] == 3
    begun = await ask(platform, "POST", "", {"gateway": "away", "lease_s": 60})
    assert begun.json["gateway"] == "away"
    await figures_until(platform, lambda f: f["balance"]["units"] == 1)
    answers = [await client.post(document(number)) for number, client in enumerate(clients)]
    assert {answer.status for answer in answers} == {200}
    ended = [answer.headers.get("connection") == "close" for answer in answers]
    assert any(ended)
    assert not all(ended)  # those of the other gateway stay
    again = [await Client.open(platform.port) for _ in range(20)]
    for number, client in enumerate(again):
        answer = await client.post(document(100 + number))
        assert (answer.status, answer.headers.get("connection")) == (200, None)
    second = await ask(platform, "POST", "", {"gateway": "away", "lease_s": 60})
    assert (second.status, second.code) == (409, "not_disturbable")
    assert (await ask(platform, "DELETE", f"/{begun.json['id']}")).status == 200
    await figures_until(platform, lambda f: f["balance"]["units"] == 2)
    later = [await Client.open(platform.port) for _ in range(40)]
    for number, client in enumerate(later):
        assert (await client.post(document(200 + number))).status == 200
    assert len(await decisions(platform.port, "testrun1")) == 100
    for client in (*clients, *again, *later):
        client.close()
    assert platform.stop() == 0
    log = platform.log.read_text()
    assert "out of service" in log
    assert "back in service" in log
    assert "Traceback" not in log


async def test_one_gateway_alone_cannot_be_away(start: Start) -> None:
    platform = start("--processes=1", "--allow-disturbance")
    answer = await ask(platform, "POST", "", {"gateway": "away", "lease_s": 60})
    assert (answer.status, answer.code) == (409, "not_disturbable")
    assert "--processes 3" in answer.json["error"]["message"]
    assert "balance" not in await agents(platform)
