"""Actions of AWS's Fault Injection Service, as its reference has them: ids, targets, parameters.

Those that concern what squall tests; AWS has more. Source: the actions reference of the FIS user
guide, and for the names of targets its example templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Action(NamedTuple):
    """One kind of fault. ``parameters``: whether each is required."""

    id: str
    description: str
    target: str
    resource_type: str
    parameters: Mapping[str, bool]


def actions() -> tuple[Action, ...]:
    """All of them, by id."""
    return tuple(sorted((*_api(), *_lambda(), *_streams_and_tables(), *_containers())))


def _named(required: str, optional: str = "") -> dict[str, bool]:
    return dict.fromkeys(required.split(), True) | dict.fromkeys(optional.split(), False)


def _api() -> Iterator[Action]:
    parameters = _named("duration operations percentage service")
    for kind in ("internal", "throttle", "unavailable"):
        yield Action(
            f"aws:fis:inject-api-{kind}-error",
            f"Answer API calls of the target roles with {kind} errors.",
            "Roles",
            "aws:iam:role",
            parameters,
        )


def _lambda() -> Iterator[Action]:
    rows = (
        (
            "add-delay",
            "Delay the start of the target functions.",
            _named("duration", "invocationPercentage startupDelayMilliseconds"),
        ),
        (
            "error",
            "Mark invocations of the target functions as failed.",
            _named("duration preventExecution", "invocationPercentage"),
        ),
        (
            "http-integration-response",
            "Replace the HTTP responses of the target functions.",
            _named(
                "contentTypeHeader duration preventExecution statusCode", "invocationPercentage"
            ),
        ),
    )
    for kind, description, parameters in rows:
        name = f"aws:lambda:invocation-{kind}"
        yield Action(name, description, "Functions", "aws:lambda:function", parameters)


def _streams_and_tables() -> Iterator[Action]:
    for kind, error in (
        ("provisioned-throughput", "ProvisionedThroughputExceededException"),
        ("expired-iterator", "ExpiredIteratorException"),
    ):
        yield Action(
            f"aws:kinesis:stream-{kind}-exception",
            f"Answer calls to the target streams with {error}.",
            "KinesisStreams",
            "aws:kinesis:stream",
            _named("duration percentage"),
        )
    yield Action(
        "aws:dynamodb:global-table-pause-replication",
        "Pause the replication of the target global tables.",
        "Tables",
        "aws:dynamodb:global-table",
        _named("duration"),
    )
    yield Action(
        "aws:network:disrupt-connectivity",
        "Deny traffic to and from the target subnets.",
        "Subnets",
        "aws:ec2:subnet",
        _named("duration scope", "prefixListIdentifier"),
    )


_PORT = "port protocol trafficType"
_LATENCY = "delayMilliseconds flowsPercent jitterMilliseconds sources"
_LOSS = "flowsPercent lossPercent sources"


def _containers() -> Iterator[Action]:
    in_task = "installDependencies"
    endpoints = f"{in_task} useEcsFaultInjectionEndpoints"
    for kind, parameters in (
        ("cpu-stress", _named("duration", f"{in_task} percent workers")),
        ("io-stress", _named("duration", f"{in_task} percent workers")),
        ("kill-process", _named("processName", f"{in_task} signal")),
        ("network-blackhole-port", _named("duration port trafficType", f"{endpoints} protocol")),
        ("network-latency", _named("duration", f"{endpoints} {_LATENCY}")),
        ("network-packet-loss", _named("duration", f"{endpoints} {_LOSS}")),
    ):
        yield Action(
            f"aws:ecs:task-{kind}", _sentence(kind, "tasks"), "Tasks", "aws:ecs:task", parameters
        )
    account = "kubernetesServiceAccount"
    pod = "fisPodAnnotations fisPodContainerImage fisPodLabels maxErrorsPercent"
    secured = f"{pod} fisPodSecurityPolicy"
    for kind, parameters in (
        ("cpu-stress", _named(f"duration {account}", f"{secured} percent workers")),
        ("delete", _named(account, f"{secured} gracePeriodSeconds")),
        ("io-stress", _named(f"duration {account}", f"{secured} percent workers")),
        ("memory-stress", _named(f"duration {account}", f"{secured} percent workers")),
        ("network-blackhole-port", _named(f"duration {account} {_PORT}", pod)),
        ("network-latency", _named(f"duration {account}", f"{pod} {_LATENCY} interface")),
        ("network-packet-loss", _named(f"duration {account}", f"{pod} {_LOSS} interface")),
    ):
        yield Action(
            f"aws:eks:pod-{kind}", _sentence(kind, "pods"), "Pods", "aws:eks:pod", parameters
        )


def _sentence(kind: str, whom: str) -> str:
    return f"{kind.replace('-', ' ').capitalize()} on the target {whom}."
