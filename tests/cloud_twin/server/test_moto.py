"""What the twin does not serve itself comes from moto, whoever asks and however they speak."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.cloud_twin.conftest import RunningTwin, start_twin, stop_twin

ALARM: dict[str, Any] = {
    "AlarmName": "late",
    "Namespace": "AWS/Lambda",
    "MetricName": "Duration",
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 250.5,
    "ComparisonOperator": "GreaterThanThreshold",
    "Dimensions": [{"Name": "FunctionName", "Value": "decide"}],
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTwin]:
    twin = start_twin(tmp_path_factory.mktemp("twin-with-moto"))
    yield twin
    stop_twin(twin)


def cloudwatch(twin: RunningTwin, protocol: str) -> Any:
    """A client that speaks one of CloudWatch's protocols."""
    session = boto3.Session()
    loader = session._session.get_component("data_loader")
    load = loader.load_service_model

    def load_service_model(name: str, kind: str, api_version: str | None = None) -> Any:
        model = load(name, kind, api_version)
        if (name, kind) == ("cloudwatch", "service-2"):
            metadata = {**model["metadata"], "protocol": protocol, "protocols": [protocol]}
            return {**model, "metadata": metadata}
        return model

    loader.load_service_model = load_service_model
    return session.client(
        "cloudwatch",
        endpoint_url=twin.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.mark.parametrize("protocol", ["smithy-rpc-v2-cbor", "json", "query"])
def test_alarms_and_dashboards_beside_our_own_metrics(own: RunningTwin, protocol: str) -> None:
    own.reset()
    client = cloudwatch(own, protocol)
    client.put_metric_alarm(**ALARM)
    (alarm,) = client.describe_alarms()["MetricAlarms"]
    assert ALARM.items() <= alarm.items()
    assert alarm["AlarmConfigurationUpdatedTimestamp"].tzinfo is not None
    client.put_metric_data(
        Namespace="squall", MetricData=[{"MetricName": "tps", "Value": 3.5}] * 200
    )
    (metric,) = client.list_metrics(Namespace="squall")["Metrics"]
    assert metric["MetricName"] == "tps"
    with pytest.raises(client.exceptions.ResourceNotFound) as caught:
        client.get_dashboard(DashboardName="none")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert caught.value.response["Error"]["Message"] == "Dashboard does not exist"


def test_other_services_share_the_account_and_are_reset(own: RunningTwin) -> None:
    assert own.client("sts").get_caller_identity()["Account"] == "000000000000"
    sns = own.client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    assert topic == "arn:aws:sns:us-east-1:000000000000:alerts"
    with pytest.raises(ClientError) as caught:
        sns.get_topic_attributes(TopicArn=topic + "x")
    assert caught.value.response["Error"]["Code"] == "NotFound"
    own.reset()
    assert sns.list_topics()["Topics"] == []


def test_faults_hit_only_what_the_twin_decodes(own: RunningTwin) -> None:
    own.reset()
    own.fault(when="before", error={"code": "Throttling"})
    own.client("sts").get_caller_identity()
    with pytest.raises(ClientError, match="Throttling"):
        own.client("cloudwatch").describe_alarms()


def test_moto_is_started_when_needed_again_when_killed_and_ends_with_the_twin(
    own: RunningTwin,
) -> None:
    own.reset()
    own.client("sts").get_caller_identity()
    assert own.control("GET", "health")["moto"] == "running"
    parent = psutil.Process(own.process.pid)

    def moto() -> psutil.Process:
        (found,) = [
            child
            for child in parent.children()
            if "cloud_twin.server.moto_process" in child.cmdline()
        ]
        return found

    first = moto()
    first.send_signal(signal.SIGKILL)
    psutil.wait_procs([first], timeout=10)
    assert own.client("sts", attempts=3).get_caller_identity()["Account"] == "000000000000"
    second = moto()
    assert second.pid != first.pid
    stop_twin(own)
    assert not second.is_running()
