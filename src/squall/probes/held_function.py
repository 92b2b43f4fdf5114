"""A function of a probe's own: it holds its environment for a moment and decides nothing."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from squall.errors import ConfigurationError
from squall.probes.aws_place import AwsPlace

HANDLER = "held.handler"
_RUNTIME = "python3.11"
_MEMORY_MB = 128
_TWINS_ROLE = "arn:aws:iam::000000000000:role/squall-probe"
"""The twin looks at a role's form only."""
_SOURCE = """\
import time


def handler(event, context):
    began_s = time.time()
    time.sleep(event["hold_s"])
    return {"began_s": began_s, "ended_s": time.time()}
"""


class HeldFunction:
    """Made for one probe and removed with it.

    Raises:
        ConfigurationError: AWS needs a role, and none was given.
    """

    def __init__(self, place: AwsPlace, timeout_s: int, role: str | None) -> None:
        if role is None and not place.is_twin:
            raise ConfigurationError(
                f"probe {place.probe} makes a function, and on AWS a function needs a role: give "
                "the probe role: arn:aws:iam::ACCOUNT:role/NAME, one that Lambda may assume"
            )
        self._place = place
        self._timeout_s = timeout_s
        self._role = role or _TWINS_ROLE
        self._client: Any = None
        """Set while there is a function."""

    async def make(self) -> None:
        """Make it and wait until it can be invoked.

        Raises:
            TargetError: AWS refuses it.
        """
        place = self._place
        client = await place.botocore("lambda")
        await place.made(
            f"make the function {place.name}",
            client.create_function,
            FunctionName=place.name,
            Runtime=_RUNTIME,
            Handler=HANDLER,
            Role=self._role,
            Code={"ZipFile": _archive()},
            Timeout=self._timeout_s,
            MemorySize=_MEMORY_MB,
            Description="A probe of a squall run; it can be deleted.",
        )
        self._client = client

        async def active() -> bool:
            found = await place.made(
                "look at its function",
                client.get_function_configuration,
                FunctionName=place.name,
            )
            return bool(found.get("State", "Active") == "Active")

        await place.until("its function", active)

    async def remove(self) -> None:
        """Delete it. Harmless when repeated.

        Raises:
            TargetError: AWS refuses it.
        """
        client, self._client = self._client, None
        if client is not None:
            await self._place.made(
                f"delete the function {self._place.name}",
                client.delete_function,
                FunctionName=self._place.name,
            )


def _archive() -> bytes:
    """The function's code as Lambda takes it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("held.py")
        entry.external_attr = 0o644 << 16  # Lambda runs the code as another user
        archive.writestr(entry, _SOURCE)
    return content.getvalue()
