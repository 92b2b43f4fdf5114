"""A deployment by the template can be told all that one on a twin can, and nothing goes unheard."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from tests.fraud_platform.documents import document
from tests.fraud_platform.stream.cloudformation import Deployed

from fraud_platform.errors import UsageError
from fraud_platform.learning.model import LearnedModel
from fraud_platform.main import _parser
from fraud_platform.options import ServeOptions
from fraud_platform.stream import serving
from fraud_platform.stream.commands import _IN_TEMPLATE, refuse_function_options
from fraud_platform.stream.function_settings import FunctionSettings, settings_from
from fraud_platform.stream.names import ResourceNames, make_names
from fraud_platform.stream.process import StreamGatewayOptions
from fraud_platform.stream.resources import FunctionSetup, Resources, Sizes
from fraud_platform.stream.serving import (
    BLOCK_LIST_KEY,
    FUNCTION_VARIABLES,
    MODEL_KEY,
    StreamOptions,
    deploy,
)
from fraud_platform.stream.session import AwsSession

NOVA = "us.amazon.nova-2-lite-v1:0"
PROFILE = f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/{NOVA}"


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, known: Mapping[str, str]) -> None:
        super().__init__(known)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return super().__getitem__(name)


def test_every_setting_that_the_function_reads_is_a_parameters() -> None:
    """But for the key of the model, which is where ``resources create`` puts it."""
    asked = Asked({"FRAUD_MODEL_KEY": "m"})
    settings_from(asked)
    assert {"FRAUD_SECOND_LOOK_MS", "FRAUD_BLOCK_LIST_KEY"} <= asked.names
    assert asked.names - Deployed().variables_of_parameters() == {"FRAUD_MODEL_KEY"}
    assert Deployed().variables()["FRAUD_MODEL_KEY"] == MODEL_KEY


def test_nothing_said_is_what_nothing_said_is_on_a_twin() -> None:
    deployed = Deployed()
    variables = deployed.variables()
    expected = FunctionSettings(names=make_names("", "a-bucket"), model_key=MODEL_KEY)
    assert settings_from(variables) == expected
    assert {name: variables[name] for name in FUNCTION_VARIABLES} == FUNCTION_VARIABLES
    assert deployed.properties("Mapping")["BatchSize"] == Sizes().batch_records


@pytest.mark.parametrize(
    ("parameter", "value", "setting", "read"),
    [
        ("BlockList", "yes", "block_list_key", BLOCK_LIST_KEY),
        ("ReasoningModel", NOVA, "reasoning_model", NOVA),
        ("ExternalUrl", "https://checks.example", "external_url", "https://checks.example"),
        ("SecondLookMs", 1_500, "second_look_s", 1.5),
        ("AgentDeadlineMs", 80, "agent_deadline_s", 0.08),
        ("DecisionRetentionDays", 0, "retention_s", 0),
        ("AllowDisturbance", "yes", "allow_disturbance", True),
        ("Prefix", "blue-", "names", make_names("blue-", "a-bucket")),
    ],
)
def test_a_parameter_is_read(parameter: str, value: str | int, setting: str, read: object) -> None:
    settings = settings_from(Deployed(**{parameter: value}).variables())
    assert getattr(settings, setting) == read


def test_disturbances_and_batches_are_parameters_too() -> None:
    deployed = Deployed(Disturb="compliance:fail,pattern_detector:delay_ms=5", BatchRecords=7)
    found = settings_from(deployed.variables()).disturbances
    assert [one.agent for one in found] == ["compliance", "pattern_detector"]
    assert deployed.properties("Mapping")["BatchSize"] == 7


# --- leave to reason ------------------------------------------------------------------------


def may_reason(model: str, resource: str, profile: str | None) -> bool:
    """Whether the function's role may call this resource, for a profile or without one."""
    role = Deployed(ReasoningModel=model).properties("FunctionRole")
    for statement in role["Policies"][0]["PolicyDocument"]["Statement"]:
        if statement["Action"] != "bedrock:InvokeModel":
            continue
        patterns = statement["Resource"]
        patterns = [patterns] if isinstance(patterns, str) else patterns
        wanted = statement.get("Condition", {}).get("StringLike", {})
        holds = all(profile is not None and fnmatchcase(profile, one) for one in wanted.values())
        assert set(wanted) <= {"bedrock:InferenceProfileArn"}
        if holds and any(fnmatchcase(resource, pattern) for pattern in patterns):
            return True
    return False


def foundation(region: str, model: str = "amazon.nova-2-lite-v1:0") -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{model}"


@pytest.mark.parametrize("region", ["us-east-1", "us-east-2", "us-west-2", ""])
def test_a_profile_may_be_called_with_its_model_in_every_region(region: str) -> None:
    assert may_reason(NOVA, PROFILE, None)
    assert may_reason(NOVA, foundation(region), PROFILE)
    assert not may_reason(NOVA, foundation(region), None)
    other = PROFILE.replace("nova-2-lite", "nova-premier")
    assert not may_reason(NOVA, foundation(region), other)
    assert not may_reason(NOVA, other, None)


def test_a_model_may_be_called_where_the_function_is_and_nothing_else_may() -> None:
    plain = "amazon.nova-2-lite-v1:0"
    assert may_reason(plain, foundation("us-east-1"), None)
    assert not may_reason(plain, foundation("us-west-2"), None)
    assert not may_reason(plain, foundation("us-east-1", "anthropic.other-v1:0"), None)
    assert not may_reason("", foundation("us-east-1"), None)
    assert not may_reason("", foundation("us-east-1"), PROFILE)


# --- options that would not be heard -----------------------------------------------------------

GIVEN = {
    "--block-list": "blocked.json", "--reasoning-model": NOVA, "--external-url": "http://x",
    "--second-look": "0.5", "--batch-records": "64", "--retention-days": "400",
    "--disturb": "compliance:fail", "--allow-disturbance": "",
}  # fmt: skip


def words(option: str) -> str:
    return f"{option}={GIVEN[option]}" if GIVEN[option] else option


@pytest.mark.parametrize("option", sorted(GIVEN))
def test_on_aws_an_option_of_the_function_is_refused(option: str) -> None:
    """Even at its default: whoever gives it expects that it is heard."""
    serve = ["serve", "--mode=stream", "--data-dir=data"]
    refuse_function_options(_parser().parse_args(serve))
    with pytest.raises(UsageError) as told:
        refuse_function_options(_parser().parse_args([*serve, words(option)]))
    parameter = _IN_TEMPLATE[option][1]
    assert str(told.value).startswith(f"{option}: on AWS")
    assert f"set {parameter} there" in str(told.value)
    assert parameter in Deployed().parameters


def test_all_of_them_are_one_message(tmp_path: Path) -> None:
    (tmp_path / "blocked.json").write_text('{"parties": ["u-1"]}')
    command = [sys.executable, "-m", "fraud_platform", "serve", "--mode=stream", "--port=0"]
    command += [f"--data-dir={tmp_path}", "--region=us-east-1", *map(words, GIVEN)]
    done = subprocess.run(command, check=False, capture_output=True, timeout=60, cwd=tmp_path)
    told = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert len(told) == 1
    for option, (_, parameter) in _IN_TEMPLATE.items():
        assert option in told[0]
        assert parameter in told[0]


# --- the block list, on a function that was deployed before ------------------------------------


class Account:
    """What the template has made, on a twin that is reached as AWS is: by no ``--endpoint-url``."""

    def __init__(self, url: str, model_dir: Path) -> None:
        self.url = url
        self.model_dir = model_dir
        self.names: ResourceNames = make_names(f"a{uuid4().hex[:8]}-", None)
        self.session = AwsSession("us-east-1")
        self.resources = Resources(self.session, self.names)

    def function(self, **parameters: str | int) -> None:
        """Deploy the function with these parameters."""
        deployed = Deployed(Prefix=self.names.prefix, BucketName=self.names.bucket, **parameters)
        variables = {**deployed.variables(), "AWS_ENDPOINT_URL": self.url}
        self.resources.create_storage(Sizes(decision_shards=1))
        self.resources.create_function(FunctionSetup(variables))

    def deploy(self, block_list: Path | None = None) -> list[str]:
        """``resources create``, as on AWS."""
        stream = StreamOptions(self.names, "us-east-1", None)
        return deploy(self.session, self.options(block_list), stream)

    def options(self, block_list: Path | None = None) -> ServeOptions:
        return ServeOptions(
            host="127.0.0.1", port=0, data_dir=str(self.model_dir), model_dir=str(self.model_dir),
            history=None, processes=1, ready_file=None, queue_limit=1, power_safe=False,
            block_list=None if block_list is None else str(block_list), disturb=(),
        )  # fmt: skip

    def decision(self, number: int, **changes: Any) -> str:
        """By a direct invocation."""
        payload = orjson.dumps(document(number, "blockrun", **changes))
        answer = self.session.client("lambda").invoke(
            FunctionName=self.names.function, Payload=payload
        )
        content = orjson.loads(answer["Payload"].read())
        assert "decision" in content, content
        return str(content["decision"])


@pytest.fixture
def account(
    twin_url: str, model: LearnedModel, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Account]:
    assert model.points
    monkeypatch.setenv("AWS_ENDPOINT_URL", twin_url)
    made = Account(twin_url, model_dir)
    yield made
    made.resources.delete()


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    path = tmp_path / "blocked.json"
    path.write_text('{"parties": ["u-7"], "countries": []}')
    return path


def test_a_block_list_that_nobody_would_look_at_is_refused(account: Account, blocked: Path) -> None:
    with pytest.raises(UsageError, match="there is no function"):
        account.deploy(blocked)
    account.function()
    with pytest.raises(UsageError, match="set BlockList=yes in deploy/aws/template"):
        account.deploy(blocked)
    assert account.deploy() == []


def test_a_block_list_is_stored_and_looked_at(account: Account, blocked: Path) -> None:
    account.function(BlockList="yes")
    assert account.deploy(blocked) == []
    assert account.decision(1, user_id="u-7") == "DECLINE"
    assert account.decision(2, user_id="u-8") != "DECLINE"


@pytest.mark.parametrize("allowed", ["yes", "no"])
def test_a_gateway_offers_disturbances_where_the_function_follows_them(
    account: Account, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.function(AllowDisturbance=allowed)
    started: list[StreamGatewayOptions] = []
    monkeypatch.setattr(serving, "run_stream_gateway", lambda options, *_: started.append(options))
    stream = StreamOptions(account.names, "us-east-1", None)
    serving.serve_stream(account.options(), stream)
    assert [options.allow_disturbance for options in started] == [allowed == "yes"]
