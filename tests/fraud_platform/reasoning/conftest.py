from __future__ import annotations

from tests.cloud_twin.conftest import running_twin, twin

__all__ = ["running_twin", "twin"]
