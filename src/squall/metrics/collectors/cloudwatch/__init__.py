"""CloudWatch's view of the services under a target."""

from squall.metrics.collectors.cloudwatch.catalogue import AwsResources
from squall.metrics.collectors.cloudwatch.collector import CloudWatchCollector, MetricClient

__all__ = ["AwsResources", "CloudWatchCollector", "MetricClient"]
