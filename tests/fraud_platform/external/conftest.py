from __future__ import annotations

from tests.fraud_platform.check_services.conftest import checks_process, services

__all__ = ["checks_process", "services"]
