"""``serve --mode stream``: resources where they are missing, the function, then a gateway."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from fraud_platform.errors import UsageError
from fraud_platform.learning.cache import obtain_model
from fraud_platform.learning.model import LearnedModel
from fraud_platform.options import ServeOptions
from fraud_platform.serving import announce, bind
from fraud_platform.stream.adapters.bucket_and_queue import S3Audit
from fraud_platform.stream.backoff import Patience
from fraud_platform.stream.calls import ResourceError, call
from fraud_platform.stream.function_settings import (
    ALLOW_DISTURBANCE,
    RETENTION_DAYS,
    SECOND_LOOK_S,
    block_list_bytes,
)
from fraud_platform.stream.names import ResourceNames
from fraud_platform.stream.process import StreamGatewayOptions, run_stream_gateway
from fraud_platform.stream.resources import FunctionSetup, Resources, Sizes
from fraud_platform.stream.scaling import ScalingLimits
from fraud_platform.stream.session import AwsSession

log = logging.getLogger(__name__)

MODEL_KEY = "models/current.json"
BLOCK_LIST_KEY = "models/block-list.json"
FUNCTION_VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}
"""A function has a share of a processor: more threads only get in each other's way."""
_UPLOAD_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What stream mode is told beside the options of every mode."""

    names: ResourceNames
    region: str | None
    endpoint_url: str | None
    default_wait_s: float = 0.0
    sizes: Sizes = field(default_factory=Sizes)
    scaling: ScalingLimits | None = None
    reasoning_model: str | None = None
    external_url: str | None = None
    second_look_s: float = SECOND_LOOK_S
    retention_days: int = RETENTION_DAYS
    """How long decisions are kept; 0: for ever."""


def serve_stream(options: ServeOptions, stream: StreamOptions) -> None:
    """Until SIGTERM. Raises ``PlatformError`` for what cannot be used, reached or made."""
    listener = bind(options.host, options.port, 1)[0]
    session = AwsSession(stream.region, stream.endpoint_url)
    for line in deploy(session, options, stream):
        log.info("made: %s", line)
    disturbable = options.allow_disturbance
    if stream.endpoint_url is None:  # as the template has set the function up
        variables = Resources(session, stream.names).function_variables()
        disturbable = variables.get(ALLOW_DISTURBANCE) == "1"
    gateway = StreamGatewayOptions(
        stream.names, session.region, stream.endpoint_url, options.queue_limit,
        stream.default_wait_s, stream.scaling, disturbable,
    )  # fmt: skip
    run_stream_gateway(
        gateway, listener, lambda: announce(options.ready_file, listener.getsockname()[1])
    )


def deploy(session: AwsSession, options: ServeOptions, stream: StreamOptions) -> list[str]:
    """Make what is missing, and store the model and the block list; what was made.

    The function itself is made only behind an ``--endpoint-url`` (a local twin): on AWS it needs a
    role and a container image, which the template in ``deploy/aws`` provides, with its settings.
    """
    core = options.core()  # bad options are reported before anything is made
    history = None if options.history is None else Path(options.history)
    model = obtain_model(Path(options.model_dir), history)
    resources = Resources(session, stream.names)
    blocks = core.block_list is not None and not core.block_list.empty
    if stream.endpoint_url is None:
        _check_deployed(resources, stream.names, blocks)
    made = resources.create_storage(stream.sizes)
    bucket = S3Audit(session, stream.names.bucket, Patience(_UPLOAD_PATIENCE_S))
    content = _model_bytes(model)
    bucket.put(MODEL_KEY, content)
    environment = {
        **FUNCTION_VARIABLES,
        "FRAUD_MODEL_KEY": MODEL_KEY,
        "FRAUD_SECOND_LOOK_MS": f"{stream.second_look_s * 1000:.0f}",
        "FRAUD_RETENTION_DAYS": str(stream.retention_days),
        "FRAUD_MODEL_DIGEST": hashlib.sha256(content).hexdigest()[:16],
    }
    if core.block_list is not None and blocks:
        bucket.put(BLOCK_LIST_KEY, block_list_bytes(core.block_list))
        environment["FRAUD_BLOCK_LIST_KEY"] = BLOCK_LIST_KEY
    if options.disturb:
        environment["FRAUD_DISTURB"] = ",".join(options.disturb)
    if options.allow_disturbance:
        environment[ALLOW_DISTURBANCE] = "1"
    if stream.reasoning_model:
        environment["FRAUD_REASONING_MODEL"] = stream.reasoning_model
    if stream.external_url:
        environment["FRAUD_EXTERNAL_URL"] = stream.external_url
    if stream.endpoint_url is not None:
        environment["AWS_ENDPOINT_URL"] = stream.endpoint_url
        made += resources.create_function(FunctionSetup(environment, sizes=stream.sizes))
    slots = stream.sizes.transaction_shards * stream.sizes.parallelisation
    warm(session, stream.names, slots if stream.endpoint_url is not None else 1)
    return made


def _check_deployed(resources: Resources, names: ResourceNames, blocks: bool) -> None:
    """On AWS the function is there, and looks at a block list that it is given."""
    if not resources.function_exists():
        raise UsageError(
            f"there is no function {names.function}: deploy deploy/aws/template.yaml first"
            " (docs/aws-deployment.md)"
        )
    if blocks and resources.function_variables().get("FRAUD_BLOCK_LIST_KEY") != BLOCK_LIST_KEY:
        raise UsageError(
            f"the function {names.function} looks at no block list: set BlockList=yes in"
            " deploy/aws/template.yaml first (docs/aws-deployment.md)"
        )


def _model_bytes(model: LearnedModel) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save(path)
        return path.read_bytes()


def warm(session: AwsSession, names: ResourceNames, environments: int) -> None:
    """Have the function started, and hear now if it cannot be; raises ``ResourceError``."""
    client = session.client("lambda", timeout_s=120.0)

    def invoke() -> None:
        answer = call(client.invoke, FunctionName=names.function, Payload=b"[]")
        content = answer["Payload"].read()
        if answer.get("FunctionError"):
            try:
                why = orjson.loads(content).get("errorMessage", "")
            except orjson.JSONDecodeError:
                why = content[:500].decode("utf-8", "replace")
            raise ResourceError(f"the function {names.function} does not work: {why}")

    with ThreadPoolExecutor(max(1, environments)) as threads:
        for done in [threads.submit(invoke) for _ in range(max(1, environments))]:
            done.result()
