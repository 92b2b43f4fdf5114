"""All streams of the twin: found by name or ARN, billed by the hour."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_twin.service import Surroundings, arn
from cloud_twin.services.kinesis.limits import KinesisLimits
from cloud_twin.services.kinesis.parameters import Parameters, optional_text
from cloud_twin.services.kinesis.refusals import invalid, no_stream
from cloud_twin.services.kinesis.stream import HOUR_S, Mode, Stream


class StreamDirectory:
    """Owns the streams and the quotas in force."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.clock = surroundings.clock
        self.account_id = surroundings.account_id
        self.limits = KinesisLimits()
        self._streams: dict[str, Stream] = {}
        self._made = 0
        surroundings.meter.before_reading(self.bill_all)

    def arn(self, name: str, region: str) -> str:
        """A stream's ARN."""
        return arn("kinesis", region, f"stream/{name}", self.account_id)

    def create(self, name: str, region: str, mode: Mode) -> Stream:
        """A new stream without shards; the name must be free."""
        self._made += 1
        stream_arn = self.arn(name, region)
        stream = Stream(name, stream_arn, self._made, mode, self.limits, self.clock)
        self._streams[stream_arn] = stream
        return stream

    def get(self, stream_arn: str) -> Stream | None:
        """A stream as it is now, by ARN."""
        stream = self._streams.get(stream_arn)
        if stream is not None and stream.pending is not None:
            stream.settle()
            return self._streams.get(stream_arn)  # settling may have deleted it
        return stream

    def by_arn(self, stream_arn: str) -> Stream:
        """A stream as it is now. Raises ``AwsError`` where there is none."""
        stream = self.get(stream_arn)
        if stream is None:
            raise no_stream(stream_arn.rpartition("/")[2], self.account_id)
        return stream

    def find(self, parameters: Parameters, region: str) -> Stream:
        """The stream a request names by StreamName or StreamARN. Raises ``AwsError``."""
        name = parameters.get("StreamName")
        if name is not None and "StreamARN" not in parameters and isinstance(name, str):
            stream = self.get(f"arn:aws:kinesis:{region}:{self.account_id}:stream/{name}")
            if stream is not None:
                return stream
        name = optional_text(parameters, "StreamName")
        stream_arn = optional_text(parameters, "StreamARN", None, 2048)
        if stream_arn is None:
            if name is None:
                raise invalid("Either StreamName or StreamARN must be provided.")
            stream_arn = self.arn(name, region)
        elif name is not None and not stream_arn.endswith(f":stream/{name}"):
            raise invalid(f"StreamARN {stream_arn} and StreamName {name} do not match.")
        return self.by_arn(stream_arn)

    def all(self, region: str | None = None) -> Sequence[Stream]:
        """Streams by name, of one region or all."""
        found = [self.get(stream_arn) for stream_arn in tuple(self._streams)]
        prefix = "arn:" if region is None else f"arn:aws:kinesis:{region}:"
        return sorted(
            (stream for stream in found if stream is not None and stream.arn.startswith(prefix)),
            key=lambda stream: stream.name,
        )

    def remove(self, stream: Stream) -> None:
        """Delete a stream and wake whoever waits on it."""
        self.bill(stream)
        self._streams.pop(stream.arn, None)
        for shard in stream.shards:
            shard.wake()

    def clear(self) -> None:
        """Delete everything; AWS's quotas again."""
        for stream in tuple(self._streams.values()):
            self.remove(stream)
        self.limits = KinesisLimits()

    def limit(self, limits: KinesisLimits) -> None:
        """Put other quotas in force, on existing streams too."""
        self.limits = limits
        for stream in self._streams.values():
            stream.limit(limits)

    def bill(self, stream: Stream) -> None:
        """Meter the hours since the last bill: of shards, or of the stream if on demand."""
        now_s = self.clock.monotonic_s()
        hours = (now_s - stream.billed_until_s) / HOUR_S
        stream.billed_until_s = now_s
        meter = self.surroundings.meter
        if hours <= 0:
            return
        if stream.mode is Mode.ON_DEMAND:
            meter.add("kinesis", "stream_hours", stream.name, hours)
        elif stream.open:
            meter.add("kinesis", "shard_hours", stream.name, hours * len(stream.open))

    def bill_all(self) -> None:
        """Meter the hours of all streams."""
        for stream in self.all():
            self.bill(stream)
