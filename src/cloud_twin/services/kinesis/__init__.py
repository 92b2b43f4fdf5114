"""Kinesis Data Streams: shards with real quotas, resharding, and readers woken by writers."""

from cloud_twin.services.kinesis.service import Kinesis

__all__ = ["Kinesis"]
