"""Which cloud services a target is made of, for those who watch them during a run."""

from __future__ import annotations

from dataclasses import dataclass

from squall.load_generator.target_spec import Endpoint
from squall.targets.resource_names import Watched, bucket_and_filter


@dataclass(frozen=True, slots=True)
class CloudPlace:
    """Names of what a target uses, as its user gave them, and where its requests go."""

    endpoint: Endpoint
    streams: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    """Names, name:alias or ARNs."""
    models: tuple[str, ...] = ()
    buckets: tuple[tuple[str, str], ...] = ()
    """(bucket, request metrics filter)."""
    queues: tuple[str, ...] = ()
    record_stream: str = ""
    """Stream on which every accepted transaction is a record of its own; empty: there is none."""
    call_function: str = ""
    """Function that every accepted transaction is a call of; empty: there is none."""

    @classmethod
    def of(
        cls,
        endpoint: Endpoint,
        watched: Watched,
        *,
        streams: tuple[str | None, ...] = (),
        tables: tuple[str | None, ...] = (),
        record_stream: str = "",
        call_function: str = "",
    ) -> CloudPlace:
        """What a target itself names (None: it does not), then what else is watched; each once."""
        return cls(
            endpoint=endpoint,
            streams=_once(streams, watched.streams),
            tables=_once(tables, watched.tables),
            functions=_once((call_function or None,), watched.functions),
            models=watched.models,
            buckets=tuple(bucket_and_filter(text) for text in watched.buckets),
            queues=watched.queues,
            record_stream=record_stream,
            call_function=call_function,
        )


def _once(own: tuple[str | None, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in (*own, *others) if name))
