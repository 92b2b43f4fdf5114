from pathlib import Path

import pytest

from squall.errors import ConfigurationError
from squall.models import FIELDS, PlatformSetup
from squall.orchestrator.sessions import target_opener
from squall.probes import make_probe
from squall.scenarios import load_scenario

FIELD_NAMES = frozenset(FIELDS)
NOTHING_THERE = "http://127.0.0.1:1"
ON_AWS = f"region=us-east-1&endpoint_url={NOTHING_THERE}"
AGENTS = "agents=https://gateway.example:8443/v1/agents"
SERVICE = """
name: payments
url: https://gateway.example:8443/
request: {path: /v1/transactions}
answer: {accepted_statuses: [202], id: transaction_id}
"""
FRONT = f"""
{SERVICE}
decisions: {{table: decisions, region: us-east-1, endpoint_url: "{NOTHING_THERE}"}}
"""


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def written(target: str, folder: Path) -> str:
    """What a user gives: text of a target file as a file, anything else as it is."""
    if not target.strip().startswith("name:"):
        return target
    path = folder / "target.yaml"
    path.write_text(target)
    return str(path)


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


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("target", "platform_url", "on_aws"),
    [
        (SERVICE, "https://gateway.example:8443", False),
        (FRONT, "https://gateway.example:8443", True),
        (f"kinesis://transactions?{ON_AWS}&{AGENTS}", "https://gateway.example:8443", True),
        (f"lambda://decide?{ON_AWS}&{AGENTS}", "https://gateway.example:8443", True),
        (f"kinesis://transactions?{ON_AWS}", None, True),
        ("https://gateway.example:8443/", "https://gateway.example:8443", False),
    ],
)
async def test_where_the_platform_is(
    tmp_path: Path, target: str, platform_url: str | None, on_aws: bool
) -> None:
    opener = target_opener(tmp_path)
    text = written(target, tmp_path)
    async with opener(text, FIELD_NAMES, lambda _: None, PlatformSetup()) as session:
        assert session.installation.platform_url == platform_url
        assert (session.installation.access is not None) is on_aws
        assert session.installation.twin_url is None


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("name", ["memory_learning", "reasoning"])
@pytest.mark.parametrize("target", [FRONT, f"kinesis://transactions?{ON_AWS}&{AGENTS}"])
async def test_a_platform_on_aws_has_what_the_probes_of_a_scenario_need(
    tmp_path: Path, name: str, target: str
) -> None:
    probes = load_scenario(name).probes
    assert probes
    opener = target_opener(tmp_path)
    text = written(target, tmp_path)
    async with opener(text, FIELD_NAMES, lambda _: None, PlatformSetup()) as session:
        for probe in probes:
            assert make_probe(probe, session.installation, 1).what
