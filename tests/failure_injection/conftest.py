"""A running twin for the faults of AWS services."""

from tests.cloud_twin.conftest import running_twin, twin

__all__ = ["running_twin", "twin"]
