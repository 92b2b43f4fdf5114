"""The template deploys what the code expects."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fraud_platform.stream.names import make_names
from fraud_platform.stream.resources import HANDLER, SECOND_LOOK_BATCH_RECORDS, Sizes

DEPLOY = Path(__file__).parents[3] / "deploy" / "aws"


@pytest.fixture(scope="module")
def template() -> str:
    return (DEPLOY / "template.yaml").read_text("utf-8")


def test_it_is_clean() -> None:
    code = "import sys; from cfnlint.runner import main; sys.exit(main())"
    command = [sys.executable, "-c", code, str(DEPLOY / "template.yaml")]
    done = subprocess.run(command, check=False, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stdout.decode()


def test_names_are_the_codes(template: str) -> None:
    names = make_names("", None)
    for name in (
        names.transactions, names.decisions, names.decision_table, names.profile_table,
        names.coordination_table, names.dead_letters, names.function,
    ):  # fmt: skip
        assert f'!Sub "${{Prefix}}{name}"' in template


def test_settings_are_the_codes(template: str) -> None:
    sizes = Sizes()
    for line in (
        f"Timeout: {sizes.function_timeout_s}",
        f"!If [LooksTwice, {SECOND_LOOK_BATCH_RECORDS}, {sizes.batch_records}]",
        f"MaximumRetryAttempts: {sizes.retries}", "BisectBatchOnFunctionError: true",
        f"MaximumRecordAgeInSeconds: {sizes.record_age_s}", "StartingPosition: TRIM_HORIZON",
    ):  # fmt: skip
        assert line in template
    assert HANDLER in (DEPLOY / "Dockerfile").read_text("utf-8")
