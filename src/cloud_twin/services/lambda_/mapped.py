"""The function of a mapping: found anew for every batch, because updates replace it."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_twin.ports import InnerCalls, Subject
from cloud_twin.service import PartialFailure
from cloud_twin.services.lambda_.invoker import Event, Invoker
from cloud_twin.services.lambda_.registry import FunctionRegistry
from cloud_twin.services.lambda_.runtime.outcome import Outcome


@dataclass(frozen=True, slots=True)
class MappedByName:
    """A function by name and qualifier."""

    name: str
    function_arn: str
    qualifier: str
    registry: FunctionRegistry
    invoker: Invoker
    calls: InnerCalls

    @property
    def arn(self) -> str:
        """With the qualifier, where there is one."""
        return f"{self.function_arn}:{self.qualifier}" if self.qualifier else self.function_arn

    @property
    def role(self) -> str:
        """The function's role. Raises ``AwsError`` where the function is gone."""
        return self.registry.by_arn(self.function_arn).latest.settings.role

    async def invoke(self, payload: bytes, attempt: int) -> Outcome:
        """Run it, as fault plans for ``Invoke`` have it.

        Raises ``AwsError`` where it is throttled, gone, or its answer lost.
        """

        async def run(planned: PartialFailure | None) -> Outcome:
            version = self.registry.by_arn(self.function_arn).version(self.qualifier)
            event = Event(payload, self.arn)
            return await self.invoker.invoke(version.deployment, event, planned)

        return await self.calls.make(
            Subject("lambda", "Invoke", (self.name,), attempt),
            run,
            lambda error: self.invoker.count_refusal(self.name, error),
        )
