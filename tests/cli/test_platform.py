import json
import os
import shlex
import signal
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from squall.cli.main import app
from squall.cli.platform import announcement, example_request, serve, stream_announcement
from squall.errors import ConfigurationError, TargetUnreachable
from squall.models import FIELDS
from squall.targets.aws import parse_kinesis
from squall.targets.platform import PlatformOptions

NOW = datetime(2026, 11, 23, 18, 45, 2, 73_000, tzinfo=UTC)

FAKE = """
import json, os, sys, time
options = dict(a[2:].split("=", 1) for a in sys.argv[2:])
unfinished = options["ready-file"] + ".part"
with open(unfinished, "w") as out:
    json.dump({"ready": True, "port": 4711, "pid": os.getpid()}, out)
os.replace(unfinished, options["ready-file"])
if os.environ["MANNER"] == "ends":
    sys.exit("disk full")
time.sleep(600)
"""


def options(tmp_path: Path, manner: str) -> PlatformOptions:
    script = tmp_path / "fake.py"
    script.write_text(FAKE)
    return PlatformOptions(
        cache_dir=tmp_path,
        command=(sys.executable, str(script)),
        history=tmp_path / "history.parquet",
        data_dir=tmp_path / "data",
        environment={"MANNER": manner},
    )


def quiet() -> Console:
    return Console(file=StringIO())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_runs_until_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    said: list[str] = []

    def stop_once_running(text: str) -> None:
        said.append(text)
        os.kill(os.getpid(), number)

    await serve(options(tmp_path, "stays"), quiet(), stop_once_running)
    assert "http://127.0.0.1:4711" in said[0]
    assert signal.getsignal(number) in {signal.default_int_handler, signal.SIG_DFL}


async def test_a_signal_during_the_start_ends_it_too(tmp_path: Path) -> None:
    class Stopping(StringIO):
        def write(self, text: str) -> int:
            if "starting" in text:
                os.kill(os.getpid(), signal.SIGTERM)
            return len(text)

    never = options(tmp_path, "stays")
    (tmp_path / "fake.py").write_text("import time; time.sleep(600)")
    said: list[str] = []
    await serve(never, Console(file=Stopping(), force_terminal=True), said.append)
    assert said == []


async def test_a_platform_that_ends_by_itself_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TargetUnreachable, match=r"exit status 1[\s\S]*disk full"):
        await serve(options(tmp_path, "ends"), quiet(), lambda _: None)


def test_the_example_request_is_a_whole_transaction() -> None:
    words = shlex.split(example_request("http://127.0.0.1:8700", NOW))
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8700/v1/transactions"]
    body = json.loads(words[-1])
    assert list(body) == list(FIELDS)
    assert body["timestamp"] == "2026-11-23T18:45:02.073Z"


def test_the_announcement_says_where_and_how() -> None:
    text = announcement("http://127.0.0.1:8700", Path("/logs/platform.log"), NOW)
    assert "squall run smoke --target http://127.0.0.1:8700" in text
    assert "/logs/platform.log" in text


def test_in_stream_mode_the_announcement_leads_to_stream_and_twin() -> None:
    text = stream_announcement(
        "http://127.0.0.1:8700", "http://127.0.0.1:8710", Path("/logs/platform.log"), NOW
    )
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:8710" in text
    (line,) = [line for line in text.splitlines() if line.startswith("Load on its stream:")]
    target = shlex.split(line.partition(":")[2])[-1]
    address = parse_kinesis(target)
    assert (address.stream, address.decisions, address.table) == (
        "transactions",
        "decisions",
        "decisions",
    )
    assert "/v1/transactions?wait=10" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--endpoint-url", "http://127.0.0.1:1"], "--endpoint-url: is for --mode stream"),
        (["--mode", "stream", "--processes", "2"], "--processes: stream mode has its own"),
    ],
)
def test_options_of_the_other_mode_are_refused(words: list[str], told: str) -> None:
    result = CliRunner().invoke(app, ["platform", *words])
    assert isinstance(result.exception, ConfigurationError)
    assert told in str(result.exception)
