from pathlib import Path

import pytest

from squall.errors import ConfigurationError
from squall.models import FIELDS, PlatformSetup
from squall.orchestrator.sessions import target_opener

FIELD_NAMES = frozenset(FIELDS)


@pytest.mark.parametrize(
    ("setup", "name"),
    [
        (PlatformSetup(external_checks=True), "external_checks"),
        (PlatformSetup(reasoning_model="m"), "reasoning_model"),
    ],
)
async def test_what_only_stream_mode_has_is_refused_inline(
    tmp_path: Path, setup: PlatformSetup, name: str
) -> None:
    opener = target_opener(tmp_path)
    with pytest.raises(ConfigurationError, match=rf"platform\.{name}: .*--target stream"):
        async with opener("inline", FIELD_NAMES, lambda _: None, setup):
            pass


async def test_a_target_that_is_not_launched_is_not_set_up_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    opener = target_opener(tmp_path)
    url = "http://127.0.0.1:1/"
    async with opener(url, FIELD_NAMES, said.append, PlatformSetup(shards=4)) as session:
        assert session.installation.platform_url == "http://127.0.0.1:1"
        assert session.installation.twin_url is None
        assert session.pids() == ()
        assert session.exit_reason() is None
    assert len(said) == 1
    assert "not applied" in said[0]
    async with opener(url, FIELD_NAMES, said.append, PlatformSetup()):
        pass
    assert len(said) == 1
