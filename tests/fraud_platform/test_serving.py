from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import psutil
import pytest
from tests.fraud_platform.documents import document
from tests.fraud_platform.platform_process import Client, Platform, decisions, post_all

from fraud_platform.learning.model import AGENTS, LearnedModel

Start = Callable[..., Platform]


@pytest.fixture
def start(
    tmp_path: Path, model: LearnedModel, model_dir: Path, history_file: Path
) -> Iterator[Start]:
    """Starts platforms that have their model already, and ends them."""
    assert model.points
    running: list[Platform] = []

    def make(*options: str, data_dir: Path | None = None) -> Platform:
        made = Platform(data_dir or tmp_path / "data", model_dir, history_file, *options)
        running.append(made)
        return made

    yield make
    for platform in running:
        if platform.process.poll() is None:
            platform.kill()


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("processes", ["--processes=1", "--processes=2", "--processes=3"])
async def test_the_whole_interface(start: Start, processes: str) -> None:
    platform = start(processes)
    client = await Client.open(platform.port)
    assert (await client.get("/health")).json == {"status": "ok"}

    first = await client.post(document(1))
    assert first.status == 200
    assert list(first.json) == [
        "transaction_id",
        "decision",
        "risk_score",
        "confidence",
        "reason_codes",
    ]

    same = document(2)
    one, two = await client.post(same), await client.post(same)
    assert "idempotent-replay" not in one.headers
    assert two.headers["idempotent-replay"] == "true"
    assert two.body == one.body
    other = await client.post({**same, "amount": 1})
    assert (other.status, other.code) == (409, "id_reused")

    detail = await client.get("/v1/transactions/testrun1-000000000002")
    assert detail.json["decision"] == one.json["decision"]
    assert [vote["agent"] for vote in detail.json["votes"]] == list(AGENTS)
    assert detail.json["explanation"]

    batch = [document(number) for number in range(3, 8)] + [document(9, amount=0), 5]
    results = (await client.request("POST", "/v1/transactions/batch", orjson.dumps(batch))).json[
        "results"
    ]
    assert [result["status"] for result in results] == [200] * 5 + [422, 422]
    assert [result["transaction_id"] for result in results[:5]] == [
        made["transaction_id"] for made in (document(number) for number in range(3, 8))
    ]

    seen = await decisions(platform.port, "testrun1", limit=2)
    assert [item["transaction_id"][-1] for item in seen] == list("1234567")
    assert seen[1] == {
        "transaction_id": "testrun1-000000000002",
        "decision": one.json["decision"],
        "amount": 1250,
    }
    assert await decisions(platform.port, "unknown1") == []

    agents = (await client.get("/v1/agents")).json
    assert [agent["name"] for agent in agents["agents"]] == list(AGENTS)
    assert all(agent["healthy"] for agent in agents["agents"])
    assert agents["coordinator"]["decisions"] == 7
    assert agents["processes"] == int(processes[-1])
    assert agents["queue"]["depth"] == 0
    metrics = (await client.get("/metrics")).body.decode()
    assert 'fraud_platform_agent_decisions_total{agent="compliance"} 7' in metrics
    client.close()
    assert platform.stop() == 0
    assert "Traceback" not in platform.log.read_text()


async def test_paths_methods_and_bodies_that_are_wrong(start: Start) -> None:
    platform = start()
    client = await Client.open(platform.port)

    async def ask(method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        answer = await client.request(method, path, body)
        return answer.status, answer.code

    assert await ask("GET", "/nowhere") == (404, "not_found")
    assert await ask("GET", "/v1/transactions/none-1") == (404, "not_found")
    assert await ask("GET", "/v1/transactions") == (405, "method_not_allowed")
    assert await ask("POST", "/v1/agents") == (405, "method_not_allowed")
    assert (await client.request("PUT", "/v1/transactions/batch")).headers["allow"] == "POST"
    for text in (
        b"",
        b"{",
        b'{"amount":NaN}',
        b'{"amount":Infinity}',
        b"\xff",
        b'"\\ud800"',
        b"[" * 600 + b"]" * 600,
    ):
        assert await ask("POST", "/v1/transactions", text) == (400, "malformed_json")
    assert await ask("POST", "/v1/transactions", b"[]") == (422, "not_an_object")
    oversized = orjson.dumps(document(1, city="x" * 17_000))
    assert await ask("POST", "/v1/transactions", oversized) == (413, "body_too_large")
    assert await ask("POST", "/v1/transactions/batch", b"{}") == (422, "not_an_array")
    many = orjson.dumps([document(1)] * 501)
    assert await ask("POST", "/v1/transactions/batch", many) == (413, "batch_too_large")
    nul = orjson.dumps(document(1, city="a\x00b"))
    assert await ask("POST", "/v1/transactions", nul) == (422, "control_character")
    orphan = orjson.dumps(document(2, type="refund", original_transaction_id="none-1"))
    assert await ask("POST", "/v1/transactions", orphan) == (422, "original_not_found")
    for query in ("", "?run=", "?run=a&cursor=x", "?run=a&cursor=-1", "?run=a&limit=20001"):
        assert (await ask("GET", f"/v1/decisions{query}"))[0] == 422
    assert await decisions(platform.port, "testrun1") == []
    client.close()


async def test_more_than_a_thousand_at_once_and_each_decided_once(start: Start) -> None:
    platform = start()
    documents = [document(number) for number in range(1500)]
    repeated = documents + documents[:300]
    answers = await post_all(platform.port, repeated, connections=1200)
    assert all(answer is not None and answer.status == 200 for answer in answers)
    seen = await decisions(platform.port, "testrun1")
    assert sorted(item["transaction_id"] for item in seen) == sorted(
        made["transaction_id"] for made in documents
    )
    client = await Client.open(platform.port)
    agents = (await client.get("/v1/agents")).json
    for agent in agents["agents"]:
        assert agent["decisions"] + agent["timeouts"] + agent["failures"] == 1500
    client.close()


async def test_killed_in_mid_load_nothing_acknowledged_is_lost(
    start: Start, tmp_path: Path
) -> None:
    platform = start()
    documents = [document(number) for number in range(4000)]
    load = asyncio.create_task(post_all(platform.port, documents, connections=100))
    client = await Client.open(platform.port)
    while len((await client.get("/v1/decisions?run=testrun1&limit=600")).json["items"]) < 600:
        await asyncio.sleep(0.005)
    platform.kill()
    answers = await load
    acknowledged = {
        answer.json["transaction_id"]: answer.json["decision"]
        for answer in answers
        if answer is not None and answer.status == 200
    }
    assert 600 <= len(acknowledged) < 4000
    reborn = start(data_dir=tmp_path / "data")
    seen = await decisions(reborn.port, "testrun1")
    assert len({item["transaction_id"] for item in seen}) == len(seen)
    kept = {item["transaction_id"]: item["decision"] for item in seen}
    assert acknowledged.items() <= kept.items()
    known = next(made for made in documents if made["transaction_id"] in acknowledged)
    fresh = await Client.open(reborn.port)
    assert (await fresh.post(known)).headers["idempotent-replay"] == "true"
    fresh.close()
    client.close()


async def test_a_dead_core_is_answered_for_and_started_again(start: Start) -> None:
    platform = start("--processes=2")
    core = platform.child("core")
    os.kill(core, signal.SIGSTOP)  # so that something is certainly on its way when it dies
    load = asyncio.create_task(
        post_all(platform.port, [document(number) for number in range(50)], connections=50)
    )
    client = await Client.open(platform.port)
    await asyncio.sleep(0.1)
    os.kill(core, signal.SIGKILL)
    answers = await load
    statuses = {answer.status for answer in answers if answer is not None}
    assert statuses <= {200, 503}
    refused = [answer for answer in answers if answer is not None and answer.status == 503]
    assert refused
    assert refused[0].code == "core_unavailable"
    assert refused[0].headers["retry-after"] == "1"
    deadline = time.monotonic() + 30
    while (await client.get("/health")).status != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert platform.child("core") != core
    again = await post_all(
        platform.port, [document(number) for number in range(50)], connections=10
    )
    decided = [answer for answer in answers if answer is not None and answer.status == 200]
    assert all(answer is not None and answer.status in (200, 409) for answer in again)
    assert len(await decisions(platform.port, "testrun1")) == 50
    assert len(decided) + len(refused) == 50
    client.close()


async def test_a_disk_that_was_full_is_healthy_again_without_traffic(start: Start) -> None:
    platform = start("--processes=2")
    core = platform.child("core")
    client = await Client.open(platform.port)
    assert (await client.post(document(1))).status == 200
    before = resource.prlimit(core, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    refused = await client.post(document(2))
    assert (refused.status, refused.code) == (503, "store_unavailable")
    await health(client, 503)
    resource.prlimit(core, resource.RLIMIT_FSIZE, before)
    await health(client, 200)
    assert platform.child("core") == core
    assert (await client.post(document(2))).status == 200
    client.close()


async def health(client: Client, status: int) -> None:
    """Wait until the platform's health is this."""
    deadline = time.monotonic() + 30
    while (await client.get("/health")).status != status:
        assert time.monotonic() < deadline, f"the health is not {status}"
        await asyncio.sleep(0.05)


async def test_too_many_waiting_are_turned_away_with_503(start: Start) -> None:
    platform = start("--queue-limit=20", "--processes=2")
    core = platform.child("core")
    os.kill(core, signal.SIGSTOP)
    asked = [
        asyncio.create_task(post_all(platform.port, [document(number)], connections=1))
        for number in range(30)
    ]
    await until(lambda: sum(one.done() for one in asked) == 10)
    for (refused,) in (one.result() for one in asked if one.done()):
        assert refused is not None
        assert (refused.status, refused.code) == (503, "overloaded")
        assert refused.headers["retry-after"] == "1"
    os.kill(core, signal.SIGCONT)
    answers = [answer for one in asked for answer in await one]
    assert sum(answer is not None and answer.status == 200 for answer in answers) == 20
    assert len(await decisions(platform.port, "testrun1")) == 20
    client = await Client.open(platform.port)
    assert (await client.get("/v1/agents")).json["queue"]["shed"] == 10
    client.close()


async def test_a_slow_agent_costs_its_vote_and_nothing_else(start: Start) -> None:
    platform = start("--disturb=pattern_detector:delay_ms=2000")
    answers = await post_all(
        platform.port, [document(number) for number in range(600)], connections=60
    )
    assert all(answer is not None and answer.status == 200 for answer in answers)
    client = await Client.open(platform.port)
    figures = (await client.get("/v1/agents")).json
    agents = {agent["name"]: agent for agent in figures["agents"]}
    late = agents["pattern_detector"]
    assert not late["healthy"]
    assert late["timeouts"] + late["failures"] == 600
    assert late["decisions"] == 0
    assert figures["coordinator"]["fallbacks"] == 600
    assert "agent pattern_detector did not answer in time" in platform.log.read_text()
    client.close()


async def test_sigterm_answers_what_is_on_its_way(start: Start) -> None:
    platform = start("--processes=2")
    core = platform.child("core")
    os.kill(core, signal.SIGSTOP)
    load = asyncio.create_task(
        post_all(platform.port, [document(number) for number in range(40)], connections=40)
    )
    await asyncio.sleep(0.3)
    platform.process.terminate()
    await asyncio.sleep(0.1)
    os.kill(core, signal.SIGCONT)
    answers = await load
    answered = [answer for answer in answers if answer is not None]
    assert answered
    assert {answer.status for answer in answered} <= {200, 503}
    assert any(answer.status == 200 for answer in answered)
    await until(lambda: platform.process.poll() is not None)
    assert platform.process.returncode == 0


async def test_all_processes_end_with_the_first(start: Start) -> None:
    platform = start("--processes=3")
    pids = platform.pids()
    assert len(pids) == 4
    os.kill(platform.process.pid, signal.SIGKILL)
    platform.process.wait(30)
    await until(lambda: not any(is_running(pid) for pid in pids))


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def complain(*arguments: str) -> str:
    """What the command says when it refuses; asserts that it is one message and exit 2."""
    command = [sys.executable, "-m", "fraud_platform", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2, ended
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_bad_options_are_one_message(
    start: Start, tmp_path: Path, history_file: Path, model_dir: Path
) -> None:
    data = f"--data-dir={tmp_path / 'data'}"
    assert "make one with: squall data generate" in complain("serve", data)
    assert "no such file" in complain("serve", data, "--history=/nonexistent/h.parquet")
    assert "needs --history" in complain("train", data)
    assert "must be 1 to 64" in complain("serve", data, "--processes=0")
    assert "AGENT is one of" in complain("serve", data, "--disturb=nobody:fail")
    (tmp_path / "file").write_text("")
    assert "choose another --data-dir" in complain("serve", f"--data-dir={tmp_path / 'file'}")
    known = [f"--history={history_file}", f"--model-dir={model_dir}"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for processes in ("1", "3"):
            options = [data, *known, f"--port={port}", f"--processes={processes}"]
            assert "already in use" in complain("serve", *options)
    start()
    assert "another platform is running on it" in complain("serve", data, *known, "--port=0")
