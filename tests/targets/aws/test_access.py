"""Region, credentials and endpoint as AWS tools find them, and what is said where they are not."""

from __future__ import annotations

import builtins
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from squall.errors import ConfigurationError
from squall.targets import open_target
from squall.targets.aws import KinesisTarget, LambdaTarget, parse_kinesis, parse_lambda
from squall.targets.aws.access import open_credentials, resolve_access, service_address

pytestmark = pytest.mark.usefixtures("no_aws")


@pytest.fixture
def keys(no_aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.mark.usefixtures("keys")
def test_no_region() -> None:
    with pytest.raises(ConfigurationError, match="no AWS region: add region=… to the target"):
        open_target("kinesis://tx")


def test_no_credentials() -> None:
    with pytest.raises(ConfigurationError, match="no AWS credentials: set AWS_ACCESS_KEY_ID"):
        open_target("kinesis://tx?region=eu-west-1")


def test_no_such_profile() -> None:
    with pytest.raises(ConfigurationError, match=r"nobody.*could not be found"):
        open_target("lambda://f?region=eu-west-1&profile=nobody")


@pytest.mark.usefixtures("keys")
def test_unknown_partition_key() -> None:
    with pytest.raises(ConfigurationError, match="partition_key: iban is no field"):
        open_target("kinesis://tx?region=eu-west-1&partition_key=iban")


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_region_from_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "eu-central-1")
    assert resolve_access(None, None, None).region == "eu-central-1"
    assert resolve_access("us-west-2", None, None).region == "us-west-2"


def test_a_profile_gives_region_keys_and_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile lab]\nregion = ap-south-1\naws_access_key_id = AKLAB\n"
        "aws_secret_access_key = s\nendpoint_url = http://127.0.0.1:9\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    access = resolve_access(None, "lab", None)
    assert access.region == "ap-south-1"
    address = service_address(access, "kinesis")
    assert (address.endpoint.host, address.endpoint.port, address.endpoint.tls) == (
        "127.0.0.1",
        9,
        False,
    )
    assert open_credentials("lab").keys.access_key == "AKLAB"


@pytest.mark.usefixtures("keys")
def test_aws_itself_is_the_default_endpoint() -> None:
    address = service_address(resolve_access("eu-west-1", None, None), "kinesis")
    assert address.host == "kinesis.eu-west-1.amazonaws.com"
    assert (address.endpoint.port, address.endpoint.tls) == (443, True)


@pytest.mark.usefixtures("keys")
def test_what_a_target_is_made_of_can_be_watched() -> None:
    text = "kinesis://tx?region=eu-west-1&decisions=kinesis://out&table=dynamodb://kept"
    target = KinesisTarget(parse_kinesis(text), ("transaction_id", "user_id"))
    assert (target.cloud.streams, target.cloud.tables) == (("tx", "out"), ("kept",))
    assert target.open_client("cloudwatch").meta.region_name == "eu-west-1"
    function = LambdaTarget(parse_lambda("lambda://decide?region=eu-west-1"), ("transaction_id",))
    assert function.cloud.functions == ("decide",)


@pytest.mark.usefixtures("keys")
def test_what_goes_to_workers_holds_no_secret() -> None:
    target = open_target("kinesis://tx?region=eu-west-1")
    assert b"secret" not in pickle.dumps(target.spec)
    assert pickle.loads(pickle.dumps(target.spec)) == target.spec


@pytest.mark.usefixtures("keys")
def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith(("boto3", "botocore")):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigurationError, match=r"pip install 'squall\[aws\]'"):
        open_target("kinesis://tx?region=eu-west-1")


def test_squall_does_not_import_botocore() -> None:
    code = "import sys, squall.cli.main; print([m for m in sys.modules if 'boto' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
