"""All execution environments: reused while idle, watched while busy, ended with the twin."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from cloud_twin.clock import Clock
from cloud_twin.errors import AwsError
from cloud_twin.services.lambda_.options import LambdaOptions
from cloud_twin.services.lambda_.runtime.deployment import Deployment
from cloud_twin.services.lambda_.runtime.environment import Environment
from cloud_twin.services.lambda_.runtime.guard import Guard
from cloud_twin.services.lambda_.runtime.outcome import Result
from cloud_twin.services.lambda_.throttle import throttled


class EnvironmentPool:
    """Gives out environments: an idle one of the same deployment, or a new one."""

    def __init__(
        self, clock: Clock, options: LambdaOptions, endpoint_url: Callable[[], str]
    ) -> None:
        self.environments_max = options.environments_max
        self._clock = clock
        self._options = options
        self._endpoint_url = endpoint_url
        self._idle: defaultdict[Deployment, list[Environment]] = defaultdict(list)
        self._all: set[Environment] = set()
        self._retired: set[Deployment] = set()
        self.when_retired: Callable[[], None] = lambda: None
        """Called when the last environment of a replaced deployment has ended."""
        self._caretaker: asyncio.Task[None] | None = None
        self._guard = Guard()

    def __len__(self) -> int:
        return len(self._all)

    def pids(self, deployment: Deployment) -> list[int]:
        """Processes of one deployment."""
        return [e.pid for e in self._all if e.deployment is deployment and e.pid is not None]

    def holds(self, directory: Path) -> bool:
        """Whether an environment runs code from there."""
        return any(e.deployment.code_directory == directory for e in self._all)

    def idle(self, deployment: Deployment) -> Environment | None:
        """Take the idle environment that was used last, if there is one."""
        waiting = self._idle[deployment]
        while waiting:
            environment = waiting.pop()
            if environment.usable:
                return environment
        return None

    async def start(
        self, deployment: Deployment, request_id: str
    ) -> tuple[Environment, Result | None, float]:
        """A new environment, what went wrong with it (None: nothing), its start-up time in ms.

        Raises ``AwsError`` where the machine has room for no more.
        """
        if len(self._all) >= self.environments_max and not self._evict():
            raise throttled("ConcurrentInvocationLimitExceeded")
        environment = Environment(
            deployment, self._clock, self._endpoint_url(), self._guard.add, self._ended
        )
        self._all.add(environment)
        if self._caretaker is None or self._caretaker.done():
            self._caretaker = asyncio.create_task(self._take_care())
        started_s = self._clock.monotonic_s()
        try:
            limit_s = self._options.init_timeout_s + deployment.timeout_s
            failed = await environment.start(limit_s, request_id)
        except OSError as error:
            environment.end()
            raise AwsError(
                "EC2UnexpectedException", f"the function's process cannot be started: {error}", 502
            ) from None
        except asyncio.CancelledError:
            environment.end()
            raise
        return environment, failed, (self._clock.monotonic_s() - started_s) * 1000

    def release(self, environment: Environment) -> None:
        """Give back an environment whose event is done."""
        if environment not in self._all:
            return
        if environment.deployment in self._retired:
            environment.end()
        else:
            self._idle[environment.deployment].append(environment)

    def retire(self, deployment: Deployment) -> None:
        """The deployment is replaced: idle environments end now, busy ones after their event."""
        self._retired.add(deployment)
        for environment in self._idle.pop(deployment, []):
            environment.end()
        self._forget_retired()

    async def close(self) -> None:
        """End everything and wait until nothing is left."""
        if self._caretaker is not None:
            self._caretaker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._caretaker
            self._caretaker = None
        environments = list(self._all)
        for environment in environments:
            environment.end()
        for environment in environments:
            await environment.ended()
        self._guard.close()
        self._idle.clear()
        self._retired.clear()

    def _ended(self, environment: Environment) -> None:
        self._all.discard(environment)
        if environment.pid is not None:
            self._guard.remove(environment.pid)
        waiting = self._idle.get(environment.deployment)
        if waiting and environment in waiting:
            waiting.remove(environment)
        self._forget_retired()

    def _forget_retired(self) -> None:
        gone = self._retired - {environment.deployment for environment in self._all}
        if gone:
            self._retired -= gone
            self.when_retired()

    def _evict(self) -> bool:
        """Make room: end the environment that has been idle longest."""
        idle = [environment for waiting in self._idle.values() for environment in waiting]
        if not idle:
            return False
        oldest = min(idle, key=lambda environment: environment.idle_since_s)
        self._idle[oldest.deployment].remove(oldest)
        self._all.discard(oldest)
        oldest.end()
        return True

    async def _take_care(self) -> None:
        """Look at memory and idle times until there is no environment left."""
        while self._all:
            await asyncio.sleep(self._options.watch_interval_s)
            idle = {e for waiting in self._idle.values() for e in waiting}
            for environment in self._all - idle:
                if environment.look_at_memory() > environment.deployment.memory_mb:
                    environment.end()
            oldest_s = self._clock.monotonic_s() - self._options.idle_timeout_s
            for environment in idle:
                if environment.idle_since_s <= oldest_s:
                    self._idle[environment.deployment].remove(environment)
                    environment.end()
