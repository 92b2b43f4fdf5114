"""The event-source mappings there are, and the calls that make and change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from cloud_twin.errors import AwsError
from cloud_twin.ports import QueueSink, StreamSource
from cloud_twin.service import Surroundings, arn
from cloud_twin.services.lambda_.mappings.ends import MappedFunction, Source
from cloud_twin.services.lambda_.mappings.mapping import EventSourceMapping
from cloud_twin.services.lambda_.mappings.settings import (
    POSITIONS,
    MappingSettings,
    read_settings,
)
from cloud_twin.services.lambda_.names import invalid
from cloud_twin.services.lambda_.options import LambdaOptions


class MappingRegistry:
    """All mappings. ``function`` finds what a mapping's FunctionName means."""

    def __init__(
        self,
        streams: StreamSource,
        queues: QueueSink,
        surroundings: Surroundings,
        options: LambdaOptions,
        function: Callable[[object, str], MappedFunction],
        put_metric: Callable[[str, str, float, str], None],
    ) -> None:
        self._streams = streams
        self._queues = queues
        self._surroundings = surroundings
        self._options = options
        self._function = function
        self._put_metric = put_metric
        self._mappings: dict[str, EventSourceMapping] = {}

    def create(self, parameters: Mapping[str, Any], region: str) -> dict[str, Any]:
        """CreateEventSourceMapping. Raises ``AwsError``."""
        function = self._function(parameters.get("FunctionName"), region)
        source = self._source(parameters)
        settings = read_settings(parameters, MappingSettings())
        for mapping in self._mappings.values():
            same = mapping.source.stream_arn == source.stream_arn
            if same and mapping.function.arn == function.arn:
                raise AwsError(
                    "ResourceConflictException",
                    f'The event source arn (" {source.stream_arn} ") and function '
                    f'(" {function.name} ") provided mapping already exists. Please update or '
                    f"delete the existing mapping with UUID {mapping.uuid}",
                    409,
                )
        try:
            self._streams.shard_ids(source.stream_arn)
        except AwsError as error:
            raise _wrong(f"Stream not found: {source.stream_arn}. {error.message}") from error
        mapping = EventSourceMapping(
            str(uuid4()),
            source,
            function,
            settings,
            self._streams,
            self._queues,
            self._surroundings,
            self._put_metric,
            (self._options.mapping_retry_s_min, self._options.mapping_retry_s_max),
        )
        self._mappings[mapping.uuid] = mapping
        document = self._document(mapping)
        mapping.begin()
        return document

    def get(self, uuid: object) -> dict[str, Any]:
        """GetEventSourceMapping. Raises ``AwsError``."""
        return self._document(self.find(uuid))

    def list(self, parameters: Mapping[str, Any], region: str) -> dict[str, Any]:
        """ListEventSourceMappings, by source, by function, in pages."""
        chosen = list(self._mappings.values())
        if source := parameters.get("EventSourceArn"):
            chosen = [m for m in chosen if m.source.stream_arn == source]
        if name := parameters.get("FunctionName"):
            function = self._function(name, region)
            chosen = [m for m in chosen if m.function.arn == function.arn]
        start = int(parameters.get("Marker") or 0)
        stop = start + int(parameters.get("MaxItems") or 100)
        answer: dict[str, Any] = {
            "EventSourceMappings": [self._document(m) for m in chosen[start:stop]]
        }
        if stop < len(chosen):
            answer["NextMarker"] = str(stop)
        return answer

    def update(self, parameters: Mapping[str, Any], region: str) -> dict[str, Any]:
        """UpdateEventSourceMapping. Raises ``AwsError``."""
        mapping = self.find(parameters.get("UUID"))
        self._refuse_busy(mapping, "update")
        function = mapping.function
        if parameters.get("FunctionName"):
            function = self._function(parameters["FunctionName"], region)
        mapping.update(read_settings(parameters, mapping.settings), function)
        return self._document(mapping)

    def delete(self, uuid: object) -> dict[str, Any]:
        """DeleteEventSourceMapping. Raises ``AwsError``."""
        mapping = self.find(uuid)
        self._refuse_busy(mapping, "delete")
        mapping.delete(lambda: self._gone(mapping))
        return self._document(mapping)

    def find(self, uuid: object) -> EventSourceMapping:
        """A mapping. Raises ``AwsError``."""
        mapping = self._mappings.get(str(uuid))
        if mapping is None:
            raise AwsError(
                "ResourceNotFoundException", "The resource you requested does not exist.", 404
            )
        return mapping

    async def clear(self) -> None:
        """End all mappings."""
        mappings, self._mappings = list(self._mappings.values()), {}
        for mapping in mappings:
            await mapping.close()

    def _gone(self, mapping: EventSourceMapping) -> None:
        self._mappings.pop(mapping.uuid, None)

    def _refuse_busy(self, mapping: EventSourceMapping, what: str) -> None:
        if mapping.busy:
            raise AwsError(
                "ResourceInUseException",
                f"Cannot {what} the event source mapping because it is in use.",
            )

    def _source(self, parameters: Mapping[str, Any]) -> Source:
        stream_arn = str(parameters.get("EventSourceArn") or "")
        parts = stream_arn.split(":")
        if len(parts) != 6 or parts[2] != "kinesis" or not parts[5].startswith("stream/"):
            raise _wrong(
                f"Unrecognized event source {stream_arn!r}: the twin maps Kinesis streams "
                "(arn:aws:kinesis:REGION:ACCOUNT:stream/NAME)."
            )
        if parts[5].count("/") > 1:
            raise _wrong("Stream consumers are not supported on the twin; map the stream itself.")
        position = parameters.get("StartingPosition")
        if position not in POSITIONS:
            if position is None:
                raise _wrong(
                    "1 validation error detected: Value null at 'startingPosition' failed to "
                    "satisfy constraint: Member must not be null."
                )
            raise invalid(
                position, "startingPosition", f"satisfy enum value set: [{', '.join(POSITIONS)}]"
            )
        moment = parameters.get("StartingPositionTimestamp")
        if (position == "AT_TIMESTAMP") != (moment is not None):
            raise _wrong("StartingPositionTimestamp goes with AT_TIMESTAMP, and only with it.")
        return Source(stream_arn, position, None if moment is None else _seconds(moment))

    def _document(self, mapping: EventSourceMapping) -> dict[str, Any]:
        region, account_id = mapping.function.arn.split(":")[3:5]
        return mapping.document(
            arn("lambda", region, f"event-source-mapping:{mapping.uuid}", account_id)
        )


def _seconds(moment: object) -> float:
    if isinstance(moment, (int, float)) and not isinstance(moment, bool):
        return float(moment)
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        raise AwsError(
            "SerializationException", "StartingPositionTimestamp must be in Unix seconds"
        ) from None


def _wrong(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)
