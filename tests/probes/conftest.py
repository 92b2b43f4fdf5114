"""A running twin for the probes that work on AWS services."""

from tests.cloud_twin.conftest import running_twin, twin
from tests.probes.decision_pages import serve_rows

__all__ = ["running_twin", "serve_rows", "twin"]
