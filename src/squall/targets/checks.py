"""The stand-ins for external checks as a process: launched, ready, ended."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from squall.targets.launching import LaunchedProcess, Program, installed_command

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 10.0


class ChecksProcess:
    """Running stand-ins (``fraud-platform checks``): ``async with ChecksProcess() as checks``.

    Entering raises ``TargetUnreachable`` where they are missing, end or are not ready in time.
    ``command`` is what to run instead of the ``fraud-platform`` installed beside squall.
    """

    def __init__(self, command: tuple[str, ...] = ()) -> None:
        self._command = command
        self._process: LaunchedProcess | None = None
        self._folder: Path | None = None
        self.url = ""
        """Without a slash at the end; empty until they are ready."""

    async def __aenter__(self) -> ChecksProcess:
        """Launch them and wait until they are ready."""
        command = self._command or (installed_command("fraud-platform"),)
        self._folder = Path(tempfile.mkdtemp(prefix="squall-checks-"))
        try:
            self._process = LaunchedProcess(
                Program(
                    name="the external checks",
                    command=(*command, "checks", "--port=0"),
                    log_file=self._folder / "checks.log",
                    ready_file=self._folder / "ready.json",
                )
            )
            ready = await self._process.wait_until_ready(_START_TIMEOUT_S)
            self.url = f"http://127.0.0.1:{int(ready['port'])}"
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
        """Stop them."""
        await self.stop()

    def pids(self) -> tuple[int, ...]:
        """Process ids; empty when they are not running."""
        return () if self._process is None else self._process.pids()

    def exit_reason(self) -> str | None:
        """How they ended, with the last lines of their log; None while they run."""
        return None if self._process is None else self._process.exit_reason()

    async def stop(self) -> None:
        """End them. Harmless when repeated."""
        orderly = True
        if self._process is not None:
            orderly = await self._process.stop(_STOP_TIMEOUT_S)
        if orderly and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
