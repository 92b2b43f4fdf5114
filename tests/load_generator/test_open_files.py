"""More connections than files may be open end a run with a sentence, before it starts."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.load_generator.test_load_generator import (
    Request,
    approve,
    decision,
    plan,
    reply,
    serving,
)

from squall.errors import ConfigurationError, TargetUnreachable, WorkerFailure
from squall.load_generator import LoadGenerator
from squall.load_generator.engine import connector
from squall.load_generator.engine.connector import Connector
from squall.load_generator.open_files import OTHER_FILES, check_limit
from squall.load_generator.target_spec import Endpoint
from squall.load_generator.transactions import FactorySpec, TransactionFactory

DEADLINE_S = 60

SCENARIO = """
name: many
title: Many
why: To open many connections.
load: {type: sustained, rate_tps: 50, duration_s: 1}
client: {connections: 100}
criteria:
  - accounting.indeterminate == 0
"""
TARGET = """
name: scripted
url: http://127.0.0.1:%d
request: {method: POST, path: /pay}
answer:
  accepted_statuses: [200]
  id: transaction_id
  decision: decision
  decisions: {approve: [APPROVE]}
"""


@pytest.mark.parametrize(
    ("connections", "workers", "limit", "enough"),
    [
        (1_000, 1, 1_000 + OTHER_FILES, True),
        (1_001, 1, 1_000 + OTHER_FILES, False),
        (2_000, 2, 1_000 + OTHER_FILES, True),
        (2_001, 2, 1_000 + OTHER_FILES, False),
        (1, 1, OTHER_FILES, False),
        (1_000_000, 1, resource.RLIM_INFINITY, True),
    ],
)
def test_what_a_worker_needs_is_held_against_the_limit(
    connections: int, workers: int, limit: int, enough: bool
) -> None:
    if enough:
        check_limit(connections, workers, limit)
        return
    with pytest.raises(ConfigurationError) as caught:
        check_limit(connections, workers, limit)
    needed = -(-connections // workers) + OTHER_FILES
    assert f"needs {needed:,} open files, the limit is {limit:,}; ulimit -n 65536" in str(
        caught.value
    )


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Approve what is posted; answer a GET, which only asks whether somebody is there."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            _, found, rest = head.lower().partition(b"content-length: ")
            if not found:
                reply(writer, 404, b"{}")
                continue
            body = await reader.readexactly(int(rest.split(b"\r\n")[0]))
            reply(writer, 200, decision(Request(head, body)))
    writer.close()


async def squall_run(limit: str, place: Path) -> tuple[int, str]:
    """The status and output of a real run under ``ulimit LIMIT``."""
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        (place / "many.yaml").write_text(SCENARIO)
        (place / "target.yaml").write_text(TARGET % server.sockets[0].getsockname()[1])
        script = f'ulimit {limit} && exec "$0" -m squall.cli.main "$@"'
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", script, sys.executable),
            *("run", "many.yaml", "--target", "target.yaml", "--store", "runs.db"),
            cwd=place,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(DEADLINE_S):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode is not None
        return process.returncode, " ".join(output.decode().split())


async def test_a_hard_limit_below_the_connections_is_said_at_once(tmp_path: Path) -> None:
    status, output = await squall_run("-n 64", tmp_path)
    assert (
        f"needs {100 + OTHER_FILES} open files, the limit is 64; ulimit -n 65536, "
        "or fewer client.connections"
    ) in output
    assert "Traceback" not in output
    assert status == 2


async def test_a_soft_limit_below_the_connections_is_raised(tmp_path: Path) -> None:
    status, output = await squall_run("-Sn 64", tmp_path)
    assert "Traceback" not in output
    assert status == 0, output


class Exhausted(FactorySpec):
    """A source for which no file is left."""

    def build(self, run_tag: str, fields: frozenset[str] | None = None) -> TransactionFactory:
        raise OSError(24, "Too many open files")


async def test_a_worker_that_cannot_prepare_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    async with serving(approve) as server:
        load_plan = plan(server.port)
        source = Exhausted(seed=1, planned=600, epoch_s=1.79e9)
        generator = LoadGenerator(replace(load_plan, source=source))
        try:
            with pytest.raises(WorkerFailure) as caught:
                await generator.prepare()
        finally:
            await generator.close()
    assert str(caught.value) == (
        "load worker 0 could not prepare: OSError: [Errno 24] Too many open files"
    )
    assert capfd.readouterr().err == ""


async def test_a_target_that_takes_too_few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "OPEN_ALL_DEADLINE_S", 0.3)
    opened = 0

    async def some(self: Connector, make: connector.MakeConnection) -> None:
        nonlocal opened
        if opened == 40:
            await asyncio.Event().wait()
        opened += 1
        self._opened += 1

    monkeypatch.setattr(Connector, "_open", some)
    full = Connector(Endpoint("127.0.0.1", 80), 100)
    with pytest.raises(TargetUnreachable, match=r"40 of 100 connections to 127\.0\.0\.1:80 opened"):
        await full.open_all(asyncio.Protocol)
