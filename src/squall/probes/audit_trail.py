"""After the load: the platform's own verification of its audit trail, run as anybody may run it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from squall.errors import ConfigurationError, TargetProtocolError
from squall.models import AuditTrail
from squall.probes.probe import ConcludedLoad, LoadClock, Measured
from squall.targets.aws.access import Access
from squall.targets.installation import Installation
from squall.targets.launching import installed_command

_PATIENCE_S = 20.0
"""How long entries may take to be written after the last decision."""
_PAUSE_S = 1.0
_VERIFY_S = 300.0
_NOT_WHOLE = 1
"""Exit status of a verification that found the trail broken, or entries missing."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What ``fraud-platform audit verify --run TAG --json`` says."""

    entries: int
    """Of the run."""
    missing: int
    """Recorded transactions of the run that are not in the trail."""
    problems: tuple[str, ...]
    """Of the whole trail."""
    first_written_s: float | None
    last_written_s: float | None
    chains: int

    @property
    def entries_tps(self) -> float | None:
        """Entries per second, from the first one written to the last: a mean, not a peak."""
        if self.first_written_s is None or self.last_written_s is None:
            return None
        span_s = self.last_written_s - self.first_written_s
        return self.entries / span_s if span_s > 0 else None


def read_verification(output: bytes) -> Verification:
    """Read what the command wrote.

    Raises:
        TargetProtocolError: it is not that.
    """
    try:
        document = orjson.loads(output)
        run: Mapping[str, Any] = document["run"]
        return Verification(
            entries=int(run["entries"]),
            missing=int(run["missing"]),
            problems=tuple(str(problem) for problem in document["problems"]),
            first_written_s=run["first_written_s"],
            last_written_s=run["last_written_s"],
            chains=int(document["chains"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise TargetProtocolError(
            "fraud-platform audit verify did not answer as expected; is it of this version?"
        ) from error


class AuditTrailProbe:
    """Verifies the trail in a process of its own, and counts the run's entries in it."""

    def __init__(
        self,
        spec: AuditTrail,
        installation: Installation,
        command: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if installation.access is None:
            raise ConfigurationError(
                f"probe {spec.name} needs the platform on AWS or a twin, where its audit trail is: "
                "use --target stream"
            )
        self._spec = spec
        self._access: Access = installation.access
        self._command = command
        self._clock = clock

    @property
    def what(self) -> str:
        """In a sentence."""
        return "every link of the audit trail verified, and the decisions looked for in it"

    async def prepare(self) -> None:
        """See that the command is there."""
        self._command = self._command or (installed_command("fraud-platform"),)

    async def beside(self, load: LoadClock) -> None:
        """Nothing to do: the trail is verified when the load is over."""

    async def conclude(self, load: ConcludedLoad) -> Measured:
        """Verify; where entries are missing, again until they had time to be written."""
        deadline = self._clock() + _PATIENCE_S
        while True:
            found = await self._verify(load.run_tag)
            if not found.missing or self._clock() >= deadline:
                break
            await asyncio.sleep(_PAUSE_S)
        notes = tuple(found.problems[:10])
        figures: dict[str, float | None] = {
            "entries": found.entries,
            "entries_tps": found.entries_tps,
            "corrupted": len(found.problems),
            "missing": found.missing,
        }
        return Measured(figures, notes=notes)

    async def close(self) -> None:
        """Nothing was made."""

    async def _verify(self, run_tag: str) -> Verification:
        process = await asyncio.create_subprocess_exec(
            *self._command, *self._arguments(run_tag),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env=self._environment(),
        )  # fmt: skip
        try:
            async with asyncio.timeout(_VERIFY_S):
                output, complaint = await process.communicate()
        except TimeoutError as error:
            raise TargetProtocolError(
                f"fraud-platform audit verify took more than {_VERIFY_S:.0f} s"
            ) from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode not in (0, _NOT_WHOLE):
            said = complaint.decode("utf-8", "replace").strip().splitlines()
            raise TargetProtocolError(said[-1] if said else "fraud-platform audit verify failed")
        return read_verification(output)

    def _arguments(self, run_tag: str) -> list[str]:
        spec, access = self._spec, self._access
        arguments = ["audit", "verify", f"--run={run_tag}", f"--region={access.region}"]
        if access.endpoint_url is not None:
            arguments.append(f"--endpoint-url={access.endpoint_url}")
        if spec.prefix:
            arguments.append(f"--prefix={spec.prefix}")
        if spec.bucket is not None:
            arguments.append(f"--bucket={spec.bucket}")
        return arguments

    def _environment(self) -> dict[str, str]:
        """Ours, with the profile that the target was given."""
        profile = self._access.profile
        return dict(os.environ) if profile is None else {**os.environ, "AWS_PROFILE": profile}
