"""Where decisions come out on AWS: a stream to follow, a table to read, or both."""

from __future__ import annotations

from squall.errors import TargetError, TargetProtocolError
from squall.targets.aws.access import Access, open_credentials
from squall.targets.aws.address import DecisionFormat
from squall.targets.aws.decision_events import EventReader
from squall.targets.aws.service_client import AwsRefused, Service
from squall.targets.aws.stream_reader import StreamReader
from squall.targets.aws.table_reader import TableReader

_ACTIVE = frozenset({"ACTIVE", "UPDATING"})


class DecisionPlace:
    """A stream and a table of decisions, each None where there is none.

    Raises:
        ConfigurationError: no credentials, or what is configured is no endpoint.
    """

    def __init__(
        self,
        access: Access,
        stream: str | None,
        table: str | None,
        form: DecisionFormat,
        poll_s: float,
    ) -> None:
        credentials = open_credentials(access.profile)
        self.kinesis = Service(access, credentials, "kinesis", "Kinesis_20131202", "1.1")
        self._dynamodb = (
            Service(access, credentials, "dynamodb", "DynamoDB_20120810", "1.0") if table else None
        )
        self.stream = stream
        self.table = table
        self._form = form
        self._poll_s = poll_s

    async def check(self, *other_streams: str) -> None:
        """Look that the stream, the table and ``other_streams`` are there.

        Raises:
            TargetError: one is not, or may not be used.
        """
        for stream in filter(None, (*other_streams, self.stream)):
            answer = await _described(
                self.kinesis, "DescribeStreamSummary", {"StreamName": stream}, f"stream {stream}"
            )
            status = answer["StreamDescriptionSummary"]["StreamStatus"]
            if status not in _ACTIVE:
                raise TargetProtocolError(
                    f"the stream {stream} is {status}: wait until it is ACTIVE"
                )
        if self._dynamodb is not None:
            table = self.table
            await _described(
                self._dynamodb, "DescribeTable", {"TableName": table}, f"table {table}"
            )

    def feed(self, run_tag: str) -> StreamReader | None:
        """Follows the stream, where there is one."""
        if self.stream is None:
            return None
        events = EventReader(self._form, run_tag)
        return StreamReader(self.kinesis, self.stream, events, self._poll_s)

    def reader(self, run_tag: str) -> TableReader | None:
        """Reads the table, where there is one."""
        if self._dynamodb is None or self.table is None:
            return None
        return TableReader(self._dynamodb, self.table, self._form, run_tag)


async def _described(
    service: Service, operation: str, parameters: dict[str, object], what: str
) -> dict[str, dict[str, str]]:
    """A Describe call's answer, or one clear message."""
    client = service.client()
    try:
        return await client.call(operation, parameters)
    except AwsRefused as error:
        where = f"in {service.scope.region} at {service.address.url}"
        if error.refusal.code == "ResourceNotFoundException":
            raise TargetError(
                f"there is no {what} {where}: create it, or correct its name or the region"
            ) from error
        raise
    finally:
        await client.close()
