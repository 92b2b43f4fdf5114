"""Collectors: measurements that the load workers cannot make themselves."""

from squall.metrics.collectors.agents import AgentsCollector
from squall.metrics.collectors.host import HostCollector

__all__ = ["AgentsCollector", "HostCollector"]
