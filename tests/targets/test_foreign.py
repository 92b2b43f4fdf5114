"""Load on services that were not written here, through nothing but their target files."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import orjson
import pytest
from numpy.typing import NDArray
from tests.targets.foreign import environment, free_port, running

from squall.load_generator import LoadGenerator, LoadPlan, without_final_read
from squall.load_generator.transactions import FactorySpec
from squall.models import (
    Accounting,
    ArrivalProcess,
    ClientSpec,
    Counts,
    Decision,
    Label,
    Mix,
    Truth,
)
from squall.models.load_spec import SustainedSpec
from squall.targets import HttpTarget, resolve_target

EXAMPLES = Path(__file__).parents[2] / "examples"
RUN_TAG = "foreign0"
RATE_TPS = 100
DURATION_S = 2
PLANNED = RATE_TPS * DURATION_S
DEADLINE_S = 60
FEATURES = (
    "amount",
    "latitude",
    "longitude",
    "account_age_days",
    "card_age_days",
    "device_age_days",
)


@dataclass(frozen=True)
class Run:
    counts: Counts
    truth: Truth
    errors: Counter[str]
    accounting: Accounting


def factory(seed: int, planned: int) -> FactorySpec:
    """Transactions without edge cases: these services document no outcome for them."""
    return FactorySpec(seed=seed, planned=planned, epoch_s=1.79e9, mix=Mix(0.15, 0.0))


async def load(target: HttpTarget) -> Run:
    """Check the target as a run does, and send ``PLANNED`` transactions to it."""
    await target.check()
    plan = LoadPlan(
        run_tag=RUN_TAG,
        seed=5,
        load=SustainedSpec(type="sustained", rate_tps=RATE_TPS, duration_s=DURATION_S),
        arrivals=ArrivalProcess.EVEN,
        source=factory(5, PLANNED),
        target=target.spec,
        client=ClientSpec(connections=8),
        workers=1,
        drain_s=20,
    )
    generator = LoadGenerator(plan)
    counts, truth, errors = Counts(), Truth(), Counter[str]()
    try:
        async with asyncio.timeout(DEADLINE_S):
            await generator.prepare()
            async for interval in generator.run():
                counts, truth = counts + interval.counts, truth + interval.truth
                errors.update(interval.errors)
        accounting = without_final_read(generator.ledger, counts, RUN_TAG, "not asked for")
    finally:
        await generator.close()
    assert accounting.balanced
    assert accounting.planned == PLANNED
    return Run(counts, truth, errors, accounting)


def example_target(
    example: str, port: int, directory: Path, changes: dict[str, str] | None = None
) -> Path:
    """An example's target file, changed as a user would change it."""
    text = (EXAMPLES / "targets" / example).read_text()
    text = re.sub(r"127\.0\.0\.1:\d+$", f"127.0.0.1:{port}", text, count=1, flags=re.MULTILINE)
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    file = directory / example
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def httpbin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of httpbin behind gunicorn."""
    port = free_port()
    command = [
        str(environment("httpbin") / "gunicorn"),
        *["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "16"],
        *["--keep-alive", "60", "httpbin:app"],
    ]
    log = tmp_path_factory.mktemp("httpbin") / "log"
    with running(command, f"http://127.0.0.1:{port}/status/200", log):
        yield port


@pytest.fixture(scope="module")
def model() -> lightgbm.Booster:
    """A small model of one seed's fraud; the load is of another."""
    batch = factory(1, 20_000).build("training").batch(np.arange(20_000))
    columns = [numbers(batch.columns[name].json) for name in FEATURES]
    rows = lightgbm.Dataset(np.column_stack(columns), (batch.label == Label.FRAUD).astype(int))
    settings = {"objective": "binary", "num_threads": 1, "seed": 1, "verbose": -1}
    return lightgbm.train(settings, rows, num_boost_round=40)


def numbers(texts: NDArray[np.uint8]) -> NDArray[np.float64]:
    """A column's JSON numbers; null is not a number."""
    values = orjson.loads(b"[" + b",".join(text.tobytes() for text in texts) + b"]")
    return np.array(values, dtype=np.float64)


@pytest.fixture(scope="module")
def model_server(
    model: lightgbm.Booster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of an MLServer that serves the model as ``fraud``."""
    directory = tmp_path_factory.mktemp("mlserver")
    port = free_port()
    settings = {"host": "127.0.0.1", "http_port": port, "parallel_workers": 0, "debug": False}
    settings |= {"grpc_port": free_port(), "metrics_port": free_port()}
    (directory / "settings.json").write_text(json.dumps(settings))
    served = {"name": "fraud", "implementation": "mlserver_lightgbm.LightGBMModel"}
    (directory / "fraud").mkdir()
    (directory / "fraud" / "model-settings.json").write_text(
        json.dumps({**served, "parameters": {"uri": "./model.txt"}})
    )
    model.save_model(directory / "fraud" / "model.txt")
    command = [str(environment("mlserver") / "mlserver"), "start", str(directory)]
    with running(command, f"http://127.0.0.1:{port}/v2/models/fraud/ready", directory / "log"):
        yield port


async def test_httpbin(httpbin: int, tmp_path: Path) -> None:
    run = await load(resolve_target(str(example_target("httpbin.yaml", httpbin, tmp_path))))
    assert run.errors == {}
    assert run.accounting.accepted == run.accounting.attempts == PLANNED


async def test_httpbin_with_everything_in_other_places(httpbin: int, tmp_path: Path) -> None:
    changes = {
        "path: /anything": "method: PUT\n  path: /anything/${transaction_id}?city=${city}\n"
        "  content_type: application/x-www-form-urlencoded\n"
        "  text: amount=${amount}&city=${city}&id=${transaction_id}",
        "id: json.transaction_id": "id: headers.Idempotency-Key",
    }
    target = resolve_target(str(example_target("httpbin.yaml", httpbin, tmp_path, changes)))
    run = await load(target)
    assert run.errors == {}
    assert run.accounting.accepted == PLANNED


async def test_an_answer_that_belongs_to_another_transaction_is_noticed(
    httpbin: int, tmp_path: Path
) -> None:
    changes = {"json.transaction_id": "json.user_id"}
    run = await load(
        resolve_target(str(example_target("httpbin.yaml", httpbin, tmp_path, changes)))
    )
    assert run.errors == {"wrong_id": PLANNED}
    assert run.accounting.indeterminate == PLANNED


async def test_a_model_server(model_server: int, model: lightgbm.Booster, tmp_path: Path) -> None:
    run = await load(
        resolve_target(str(example_target("model_server.yaml", model_server, tmp_path)))
    )
    assert run.errors == {}
    assert run.accounting.accepted == run.accounting.attempts == PLANNED
    sent = factory(5, PLANNED).build(RUN_TAG).batch(np.arange(PLANNED))
    rows = np.column_stack([numbers(sent.columns[name].json) for name in FEATURES])
    scores = np.asarray(model.predict(rows))
    expected = np.select(
        [scores >= 0.7, scores >= 0.4], [Decision.DECLINE, Decision.REVIEW], Decision.APPROVE
    )
    decided = run.truth.decisions.sum(axis=0)
    assert decided[1:].tolist() == np.bincount(expected, minlength=len(Decision))[1:].tolist()
    assert len(set(expected.tolist())) == 3
    assert run.truth.scores.sum() == PLANNED
    assert run.truth.scores[1].sum() == (sent.label == Label.FRAUD).sum()


async def test_a_model_server_that_refuses(model_server: int, tmp_path: Path) -> None:
    changes = {"datatype: FP64": "datatype: NONE"}
    run = await load(
        resolve_target(str(example_target("model_server.yaml", model_server, tmp_path, changes)))
    )
    assert run.errors == {"http_422": PLANNED}
    assert run.accounting.rejected == PLANNED


@pytest.mark.parametrize("example", ["httpbin.yaml", "model_server.yaml"])
async def test_a_whole_run_of_the_command(
    example: str, httpbin: int, model_server: int, tmp_path: Path
) -> None:
    port = httpbin if example == "httpbin.yaml" else model_server
    target_file = example_target(example, port, tmp_path)
    scenario = tmp_path / "scenario.yaml"
    written = (EXAMPLES / "own_service.yaml").read_text()
    scenario.write_text(re.sub(r"  - latency.*\n", "", written))  # how fast is not the question
    command = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("squall")),
        *["run", str(scenario), "--target", str(target_file), "--time-scale", "0.1"],
        *["--json", "result.json", "--no-store", "--report", "report"],
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(DEADLINE_S):
        output, _ = await command.communicate()
    # 3 says that this machine was too busy for a verdict on the target: no matter here.
    assert command.returncode in (0, 3), output.decode()
    result = json.loads((tmp_path / "result.json").read_text())
    assert [one["passed"] for one in result["criteria"]] == [True, True]
    accounting = result["accounting"]
    assert accounting["accepted"] == accounting["planned"] > 100
    assert accounting["lost"] is None
    assert accounting["note"].startswith("no final read")
