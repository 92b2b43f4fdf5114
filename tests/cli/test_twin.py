import json
import os
import shlex
import signal
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from squall.cli.twin import announcement, serve
from squall.errors import ConfigurationError, TargetUnreachable
from squall.targets.twin import TwinOptions

FAKE = """
import json, os, sys, time
options = dict(a[2:].split("=", 1) for a in sys.argv[2:])
manner = sys.argv[1]
if manner == "refuses":
    sys.stderr.write("cloud-twin: 127.0.0.1 port 1 is already in use; choose another\\n")
    sys.exit(2)
if manner == "breaks":
    sys.exit("out of memory")
if manner == "never":
    time.sleep(600)
unfinished = options["ready-file"] + ".part"
with open(unfinished, "w") as out:
    json.dump({"ready": True, "url": "http://127.0.0.1:4712", "pid": os.getpid()}, out)
os.replace(unfinished, options["ready-file"])
if manner == "ends":
    sys.exit("disk full")
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the launched twin's ready file and log go."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def options(tmp_path: Path, manner: str) -> TwinOptions:
    script = tmp_path / "fake.py"
    script.write_text(FAKE)
    return TwinOptions(port=0, command=(sys.executable, str(script), manner))


def quiet() -> Console:
    return Console(file=StringIO())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_runs_until_a_signal_and_leaves_nothing(
    tmp_path: Path, folder: Path, number: signal.Signals
) -> None:
    said: list[str] = []

    def stop_once_running(text: str) -> None:
        said.append(text)
        os.kill(os.getpid(), number)

    await serve(options(tmp_path, "stays"), quiet(), stop_once_running)
    assert "http://127.0.0.1:4712" in said[0]
    assert list(folder.iterdir()) == []
    assert signal.getsignal(number) in {signal.default_int_handler, signal.SIG_DFL}


async def test_a_signal_during_the_start_ends_it_too(tmp_path: Path, folder: Path) -> None:
    class Stopping(StringIO):
        def write(self, text: str) -> int:
            if "starting" in text:
                os.kill(os.getpid(), signal.SIGTERM)
            return len(text)

    said: list[str] = []
    console = Console(file=Stopping(), force_terminal=True)
    await serve(options(tmp_path, "never"), console, said.append)
    assert said == []
    assert list(folder.iterdir()) == []


async def test_a_refusal_is_told_in_its_own_words(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^127.0.0.1 port 1 is already in use"):
        await serve(options(tmp_path, "refuses"), quiet(), lambda _: None)


@pytest.mark.parametrize(("manner", "why"), [("breaks", "out of memory"), ("ends", "disk full")])
async def test_a_twin_that_ends_by_itself_is_an_error(
    tmp_path: Path, folder: Path, manner: str, why: str
) -> None:
    with pytest.raises(TargetUnreachable, match=rf"exit status 1[\s\S]*{why}"):
        await serve(options(tmp_path, manner), quiet(), lambda _: None)
    (kept,) = folder.iterdir()  # its log is evidence
    assert why in (kept / "twin.log").read_text()


def test_the_announcement_says_where_and_how() -> None:
    text = announcement("http://127.0.0.1:8710", Path("/logs/twin.log"))
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:8710" in text
    assert "/logs/twin.log" in text
    (line,) = [line for line in text.splitlines() if line.startswith("A fault:")]
    words = shlex.split(line.partition(":")[2])
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8710/_twin/faults"]
    assert json.loads(words[-1])["when"] == "before"


async def test_the_real_twin_is_launched(folder: Path) -> None:
    said: list[str] = []

    def stop_once_running(text: str) -> None:
        said.append(text)
        os.kill(os.getpid(), signal.SIGTERM)

    await serve(TwinOptions(port=0), quiet(), stop_once_running)
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:" in said[0]
