"""The twin's Lambda: functions as real processes, and streams mapped to them."""

from cloud_twin.services.lambda_.options import CodeStore, LambdaOptions
from cloud_twin.services.lambda_.runtime.logs import LogLine
from cloud_twin.services.lambda_.service import Lambda

__all__ = ["CodeStore", "Lambda", "LambdaOptions", "LogLine"]
