"""The cloud twin as a process: launched, ready, ended.

It is known by its command line, its ready file and its control interface; nothing is imported
from it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import orjson

from squall.errors import ConfigurationError, SquallError, TargetProtocolError
from squall.load_generator.target_spec import Endpoint
from squall.targets.http_client import HttpClient
from squall.targets.launching import LaunchedProcess, Program, installed_command

LIMITS_PATH = "/_twin/limits"
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 15.0
_LOCAL = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class TwinOptions:
    """How to launch it: ``command`` instead of the ``cloud-twin`` installed beside squall."""

    port: int = 0
    seed: int = 0
    command: tuple[str, ...] = ()


class TwinProcess:
    """A running twin: ``async with TwinProcess(options) as twin``.

    Its log is removed after an orderly end and kept after any other. Entering raises
    ``ConfigurationError`` where it refuses to start, and ``TargetUnreachable`` where it is missing,
    ends or is not ready in time.
    """

    def __init__(self, options: TwinOptions) -> None:
        self._options = options
        self._process: LaunchedProcess | None = None
        self._folder: Path | None = None
        self.url = ""
        """Without a slash at the end; empty until it is ready."""

    async def __aenter__(self) -> TwinProcess:
        """Launch it and wait until it is ready."""
        command = self._options.command or (installed_command("cloud-twin"),)
        self._folder = Path(tempfile.mkdtemp(prefix="squall-twin-"))
        try:
            self._process = LaunchedProcess(
                Program(
                    name="the cloud twin",
                    command=(
                        *command,
                        f"--port={self._options.port}",
                        f"--seed={self._options.seed}",
                    ),
                    log_file=self.log_file,
                    ready_file=self._folder / "ready.json",
                    explain=_explain,
                )
            )
            ready = await self._process.wait_until_ready(_START_TIMEOUT_S)
            self.url = str(ready["url"])
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        await self.stop()

    @property
    def log_file(self) -> Path:
        """Everything it wrote to standard output and standard error."""
        assert self._folder is not None, "the twin has not been launched"
        return self._folder / "twin.log"

    @property
    def alive(self) -> bool:
        """Whether it is running."""
        return self._process is not None and self._process.alive

    def pids(self) -> tuple[int, ...]:
        """Process ids of its whole tree, its own first, functions behind; empty after its end."""
        return () if self._process is None else self._process.pids()

    def exit_reason(self) -> str | None:
        """How it ended, with the last lines of its log; None while it is running."""
        return None if self._process is None else self._process.exit_reason()

    async def stop(self) -> None:
        """End it and its functions. Harmless when repeated."""
        orderly = True
        if self._process is not None:
            orderly = await self._process.stop(_STOP_TIMEOUT_S)
        if orderly and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


async def limit_twin(url: str, limits: Mapping[str, Mapping[str, float]]) -> None:
    """Put these limits in force (docs/twin.md), all or none.

    Raises:
        ConfigurationError: the twin refuses them; the message is its own.
        TargetUnreachable: nothing answers.
    """
    host, _, port = url.removeprefix("http://").rpartition(":")
    client = HttpClient(Endpoint(host or _LOCAL, int(port)))
    body = orjson.dumps(limits)
    head = (
        f"PATCH {LIMITS_PATH} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        answer = await client.exchange(head.encode() + body)
    finally:
        await client.close()
    if 400 <= answer.status < 500:
        raise ConfigurationError(f"platform.twin_limits: {_complaint(answer.body)}")
    if answer.status != 200:
        raise TargetProtocolError(f"{url}{LIMITS_PATH} answered {answer.status}")


def _complaint(body: bytes) -> str:
    """What the twin says is wrong, in a sentence."""
    try:
        document = orjson.loads(body)
        problems = [f"{one['field']}: {one['message']}" for one in document.get("problems") or ()]
        return "; ".join(problems) or str(document["error"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return body[:200].decode("utf-8", "replace")


def _explain(status: int, log: str) -> SquallError | None:
    if status != 2:
        return None
    last = (log.strip() or "the cloud twin refused to start").splitlines()[-1]
    return ConfigurationError(last.removeprefix("cloud-twin: "))  # says itself what to change
