"""What transactions are sent to, and how its answers and its own records are read."""

from squall.targets.http_client import HttpClient
from squall.targets.http_target import DecisionReader, HttpTarget, Target
from squall.targets.resolve import platform_target, resolve_target
from squall.targets.target_file import TargetFile
from squall.targets.target_reading import load_target_file

__all__ = [
    "DecisionReader",
    "HttpClient",
    "HttpTarget",
    "Target",
    "TargetFile",
    "load_target_file",
    "platform_target",
    "resolve_target",
]
