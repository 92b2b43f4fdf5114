"""A quota that was reached is named, whatever service it is of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from squall.models import TestResults
from squall.models.services import ModelFigures, ServiceFigures, StreamFigures, TableFigures
from squall.results import analyse


@pytest.mark.parametrize(
    ("services", "titles"),
    [
        (ServiceFigures(bedrock=ModelFigures(throttled_share=0.25)), ["Bedrock"]),
        (ServiceFigures(kinesis=StreamFigures(write_throttled_share=0.01)), ["Kinesis"]),
        (ServiceFigures(dynamodb=TableFigures(throttled_share=0.01)), ["DynamoDB"]),
        (ServiceFigures(bedrock=ModelFigures(throttled_share=0.0)), []),
        (ServiceFigures(), []),
        (None, []),
    ],
)
def test_quotas(passed: TestResults, services: ServiceFigures | None, titles: list[str]) -> None:
    findings = analyse(replace(passed, services=services))
    assert [f.component for f in findings if f.title.startswith("A quota of")] == titles
