"""Run by another Python, with an older botocore: how it reads the errors of a twin.

Standard input: {"url", "calls": [{"service", "operation", "parameters", "code"}]}. Standard output:
{"version", "default_mode", "told": [{"code", "status", "kind", "legacy_attempts"}]}.
"""

import json
import sys
import urllib.request
from typing import Any
from unittest import mock

import botocore
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.retries.standard import (
    ModeledRetryErrorDetector,
    RetryEventAdapter,
    ThrottledRetryableChecker,
    TransientRetryableChecker,
)


def control(url: str, method: str, path: str, document: object = None) -> Any:
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(f"{url}/_twin/{path}", body, method=method)
    with urllib.request.urlopen(request, timeout=15) as answer:
        return json.load(answer)


def make_client(url: str, service: str, retries: Any) -> Any:
    return botocore.session.get_session().create_client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries=retries, connect_timeout=5, read_timeout=30),
    )


def kind_of(context: Any) -> str:
    modelled = ModeledRetryErrorDetector().detect_error_type(context)
    throttling = modelled == ModeledRetryErrorDetector.THROTTLING_ERROR
    if throttling or ThrottledRetryableChecker().is_retryable(context):
        return "throttle"
    return "transient" if modelled or TransientRetryableChecker().is_retryable(context) else "no"


def told_of(url: str, call: dict[str, Any]) -> dict[str, Any]:
    """What a refused call looks like, and how often legacy mode would make it."""
    service, operation = call["service"], call["operation"]
    contexts: list[Any] = []
    sent: list[int] = []
    standard = make_client(url, service, {"mode": "standard", "total_max_attempts": 1})
    standard.meta.events.register_first(
        "needs-retry",
        lambda **given: contexts.append(RetryEventAdapter().create_retry_context(**given)),
    )
    legacy = make_client(url, service, {"mode": "legacy", "total_max_attempts": 2})
    legacy.meta.events.register("before-send", lambda **_: sent.append(1))
    plan = {"service": service, "operation": operation, "when": "before"}
    fault = control(url, "POST", "faults", {**plan, "error": {"code": call["code"]}})
    errors = []
    for client in (standard, legacy):
        try:
            getattr(client, xform_name(operation))(**call["parameters"])
        except ClientError as error:
            errors.append(error)
    control(url, "DELETE", f"faults/{fault['id']}")
    response = errors[0].response
    return {
        "code": response["Error"]["Code"],
        "status": response["ResponseMetadata"]["HTTPStatusCode"],
        "kind": kind_of(contexts[-1]),
        "legacy_attempts": len(sent),
    }


def main() -> None:
    asked = json.load(sys.stdin)
    with mock.patch("botocore.endpoint.time.sleep"):  # its waits are not what is asked about
        told = [told_of(asked["url"], call) for call in asked["calls"]]
    default = make_client(asked["url"], "sqs", None).meta.config.retries["mode"]
    json.dump({"version": botocore.__version__, "default_mode": default, "told": told}, sys.stdout)


if __name__ == "__main__":
    main()
