"""FIS's list of actions through boto3, which reads it by AWS's own model."""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError
from tests.cloud_twin.conftest import RunningTwin

NAMED = {
    "aws:lambda:invocation-add-delay": "aws:lambda:function",
    "aws:lambda:invocation-error": "aws:lambda:function",
    "aws:lambda:invocation-http-integration-response": "aws:lambda:function",
    "aws:kinesis:stream-provisioned-throughput-exception": "aws:kinesis:stream",
    "aws:kinesis:stream-expired-iterator-exception": "aws:kinesis:stream",
    "aws:dynamodb:global-table-pause-replication": "aws:dynamodb:global-table",
    "aws:fis:inject-api-throttle-error": "aws:iam:role",
    "aws:fis:inject-api-unavailable-error": "aws:iam:role",
    "aws:fis:inject-api-internal-error": "aws:iam:role",
    "aws:network:disrupt-connectivity": "aws:ec2:subnet",
    "aws:ecs:task-kill-process": "aws:ecs:task",
    "aws:eks:pod-delete": "aws:eks:pod",
}


def test_actions_are_listed_page_by_page(twin: RunningTwin) -> None:
    client = twin.client("fis", region="eu-west-1")
    whole = client.list_actions()
    assert "nextToken" not in whole
    listed = {action["id"]: action for action in whole["actions"]}
    assert len(listed) == len(whole["actions"])
    for name, kind in NAMED.items():
        assert [target["resourceType"] for target in listed[name]["targets"].values()] == [kind]
        assert listed[name]["arn"] == f"arn:aws:fis:eu-west-1:000000000000:action/{name}"
        assert listed[name]["description"]
    others = listed.keys() - NAMED.keys()
    assert all(re.fullmatch("aws:(ecs:task|eks:pod)-[a-z-]+", name) for name in others)
    paged: list[dict[str, object]] = []
    token: dict[str, str] = {}
    while True:
        page = client.list_actions(maxResults=7, **token)
        paged += page["actions"]
        if "nextToken" not in page:
            break
        assert len(page["actions"]) == 7
        token = {"nextToken": page["nextToken"]}
    assert paged == whole["actions"]


def test_an_action_says_what_it_takes(twin: RunningTwin) -> None:
    client = twin.client("fis")
    for listed in client.list_actions()["actions"]:
        action = client.get_action(id=listed["id"])["action"]
        parameters = action.pop("parameters")
        assert action == listed
        assert any(parameter["required"] for parameter in parameters.values())
    delay = client.get_action(id="aws:lambda:invocation-add-delay")["action"]["parameters"]
    assert {name for name, parameter in delay.items() if parameter["required"]} == {"duration"}
    assert "startupDelayMilliseconds" in delay


@pytest.mark.parametrize(
    ("call", "given", "code", "status"),
    [
        ("get_action", {"id": "aws:sqs:stop"}, "ResourceNotFoundException", 404),
        ("list_actions", {"maxResults": 101}, "ValidationException", 400),
        ("list_actions", {"nextToken": "x"}, "ValidationException", 400),
    ],
)
def test_what_is_not_there_is_refused(
    twin: RunningTwin, call: str, given: dict[str, object], code: str, status: int
) -> None:
    client = twin.client("fis")
    with pytest.raises(ClientError) as caught:
        getattr(client, call)(**given)
    told = caught.value.response
    assert (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert isinstance(caught.value, getattr(client.exceptions, code))
