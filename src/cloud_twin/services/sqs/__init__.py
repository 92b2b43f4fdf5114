"""SQS: standard queues with visibility timeouts, dead letters and their way back."""

from cloud_twin.services.sqs.service import Sqs

__all__ = ["Sqs"]
