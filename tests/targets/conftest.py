from __future__ import annotations

import pytest
from tests.targets.certificates import Authority, make_authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority with certificates for servers on loopback."""
    return make_authority(tmp_path_factory.mktemp("certificates"))
