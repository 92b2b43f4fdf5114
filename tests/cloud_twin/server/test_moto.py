"""What the twin does not serve itself comes from moto, whoever asks and however they speak."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
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


@pytest.mark.parametrize(
    ("service", "operation", "given", "code", "status"),
    [
        ("bedrock", "list_foundation_models", {}, "NotImplemented", 501),
        ("cloudwatch", "list_metric_streams", {}, "NotImplemented", 501),
        ("cloudwatch", "put_anomaly_detector", {"Namespace": "n", "MetricName": "m",
         "Stat": "Sum"}, "NotImplemented", 501),
        ("sns", "get_sms_sandbox_account_status", {}, "NotImplemented", 501),
        ("ec2", "describe_capacity_blocks", {}, "NotImplemented", 501),
        ("logs", "list_integrations", {}, "NotImplemented", 501),
        ("codeguruprofiler", "list_profiling_groups", {}, "NotImplemented", 501),
        ("xray", "get_sampling_rules", {}, "UnknownOperationException", 404),
        ("bedrock-agent-runtime", "list_sessions", {}, "UnknownOperationException", 404),
    ],
)  # fmt: skip
def test_what_moto_does_not_have_is_refused_once(
    own: RunningTwin, service: str, operation: str, given: dict[str, str], code: str, status: int
) -> None:
    client = own.client(service, attempts=4)
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**given)
    told = caught.value.response
    metadata = told["ResponseMetadata"]
    assert (told["Error"]["Code"], metadata["HTTPStatusCode"]) == (code, status)
    assert metadata["RetryAttempts"] == 0
    assert metadata["RequestId"]
    assert "<" not in told["Error"]["Message"]


def test_legacy_retries_leave_it_as_well(own: RunningTwin) -> None:
    client = boto3.client(
        "sns",
        endpoint_url=own.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"mode": "legacy", "max_attempts": 4}),
    )
    with pytest.raises(ClientError, match="NotImplemented") as caught:
        client.get_sms_sandbox_account_status()
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def dashboard(own: RunningTwin) -> None:
    client = own.client("cloudwatch")
    body = json.dumps({"widgets": []})
    client.put_dashboard(DashboardName="run", DashboardBody=body)
    assert json.loads(client.get_dashboard(DashboardName="run")["DashboardBody"]) == {"widgets": []}
    (entry,) = client.list_dashboards()["DashboardEntries"]
    assert (entry["DashboardName"], entry["Size"]) == ("run", len(body))
    client.delete_dashboards(DashboardNames=["run"])
    assert client.list_dashboards()["DashboardEntries"] == []


def logs(own: RunningTwin) -> None:
    client = own.client("logs")
    client.create_log_group(logGroupName="/squall/run")
    client.create_log_stream(logGroupName="/squall/run", logStreamName="worker-0")
    event = {"timestamp": int(time.time() * 1000), "message": "late"}
    client.put_log_events(logGroupName="/squall/run", logStreamName="worker-0", logEvents=[event])
    found = client.filter_log_events(logGroupName="/squall/run")["events"]
    assert [(each["timestamp"], each["message"]) for each in found] == [tuple(event.values())]


def xray(own: RunningTwin) -> None:
    now = int(time.time())
    trace = f"1-{now:08x}-{'a' * 24}"
    segment = {"id": "b" * 16, "trace_id": trace, "name": "decide", "start_time": now}
    document = json.dumps({**segment, "end_time": now + 1})
    client = own.client("xray")
    put = client.put_trace_segments(TraceSegmentDocuments=[document])
    assert put["UnprocessedTraceSegments"] == []
    (found,) = client.batch_get_traces(TraceIds=[trace])["Traces"]
    assert (found["Id"], found["Segments"][0]["Id"]) == (trace, "b" * 16)


def budgets(own: RunningTwin) -> None:
    client = own.client("budgets")
    budget = {
        "BudgetName": "runs",
        "BudgetLimit": {"Amount": "50", "Unit": "USD"},
        "TimeUnit": "MONTHLY",
        "BudgetType": "COST",
    }
    client.create_budget(AccountId="000000000000", Budget=budget)
    (found,) = client.describe_budgets(AccountId="000000000000")["Budgets"]
    assert budget.items() <= found.items()


def fis(own: RunningTwin) -> None:
    client = own.client("fis")
    template = client.create_experiment_template(
        description="slow functions",
        roleArn="arn:aws:iam::000000000000:role/fis",
        stopConditions=[{"source": "none"}],
        targets={"slow": {"resourceType": "aws:lambda:function", "selectionMode": "ALL",
                          "resourceTags": {"team": "risk"}}},
        actions={"delay": {"actionId": "aws:lambda:invocation-add-delay",
                           "parameters": {"duration": "PT1M"}, "targets": {"Functions": "slow"}}},
    )["experimentTemplate"]  # fmt: skip
    experiment = client.start_experiment(experimentTemplateId=template["id"])["experiment"]
    assert client.get_experiment(id=experiment["id"])["experiment"]["actions"]["delay"]
    (listed,) = client.list_experiments()["experiments"]
    assert listed["experimentTemplateId"] == template["id"]


@pytest.mark.parametrize("trip", [dashboard, logs, xray, budgets, fis])
def test_services_that_squall_uses_make_a_round_trip(
    own: RunningTwin, trip: Callable[[RunningTwin], None]
) -> None:
    own.reset()
    trip(own)


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
