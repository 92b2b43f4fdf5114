"""One version of a function, ready to run: what an environment is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cloud_twin.services.lambda_.runtime.logs import FunctionLog


@dataclass(frozen=True, slots=True, eq=False)
class Deployment:
    """Code and configuration that do not change; every update makes a new one."""

    function_name: str
    function_arn: str
    """Without a version."""
    version: str
    region: str
    runtime: str
    handler: str
    timeout_s: int
    memory_mb: int
    role: str
    environment: Mapping[str, str]
    code_directory: Path
    log: FunctionLog = field(repr=False)


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for an environment. ``client_context`` is JSON, or empty."""

    request_id: str
    payload: bytes
    invoked_arn: str
    trace_id: str
    client_context: str = ""


def process_environment(
    deployment: Deployment,
    runtime_api: str,
    endpoint_url: str,
    stream: str,
    path: str,
    pythonpath: str,
) -> dict[str, str]:
    """The environment variables of a function's process.

    ``path`` and ``pythonpath`` are the twin's own: functions run in its Python environment.
    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    code = str(deployment.code_directory)
    variables = {
        "PATH": path,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_ACCESS_KEY_ID": "twin",
        "AWS_SECRET_ACCESS_KEY": "twin",
        "AWS_SESSION_TOKEN": "twin",
        **deployment.environment,
        "PYTHONPATH": ":".join(filter(None, (code, pythonpath))),
        "LAMBDA_TASK_ROOT": code,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_FUNCTION_NAME": deployment.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": deployment.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployment.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{deployment.function_name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{deployment.runtime}",
        "AWS_REGION": deployment.region,
        "AWS_DEFAULT_REGION": deployment.region,
        "_HANDLER": deployment.handler,
        "_X_AMZN_TRACE_ID": "",
    }
    if endpoint_url:
        variables.setdefault("AWS_ENDPOINT_URL", endpoint_url)
    return variables


RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
"""What a function's own environment may not set."""
