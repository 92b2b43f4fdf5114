"""CloudWatch metrics: put, get, list; the sink of every other service."""

from cloud_twin.services.cloudwatch.service import CloudWatch

__all__ = ["CloudWatch"]
