"""What transactions are sent to, and how its answers and its own records are read."""

from squall.targets.cloud_place import CloudPlace
from squall.targets.http_client import HttpClient
from squall.targets.http_target import DecisionFeed, DecisionReader, HttpTarget, Target
from squall.targets.resolve import (
    open_target,
    platform_target,
    resolve_target,
    stream_platform_target,
)
from squall.targets.target_file import TargetFile
from squall.targets.target_reading import load_target_file

__all__ = [
    "CloudPlace",
    "DecisionFeed",
    "DecisionReader",
    "HttpClient",
    "HttpTarget",
    "Target",
    "TargetFile",
    "load_target_file",
    "open_target",
    "platform_target",
    "resolve_target",
    "stream_platform_target",
]
