"""What is answered in a stream is carried out too, before its answer is lost."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from tests.cloud_twin.conftest import RunningTwin
from tests.cloud_twin.faults.test_planned_throttles import MODEL, total


@pytest.mark.parametrize("error", [None, {"code": "InternalServerException"}])
def test_a_streamed_answer_is_made_metered_and_lost(
    twin: RunningTwin, error: dict[str, str] | None
) -> None:
    plan: dict[str, Any] = {} if error is None else {"error": error}
    twin.control("PATCH", "limits", {"bedrock-runtime": {"concurrent_requests": 1}})
    twin.fault(service="bedrock-runtime", operation="ConverseStream", when="after", **plan)
    client = twin.client("bedrock-runtime")
    messages = [{"role": "user", "content": [{"text": "hello"}]}]
    for _ in range(2):  # the second finds the place of the first free again
        with pytest.raises(ConnectionClosedError if error is None else ClientError) as lost:
            client.converse_stream(modelId=MODEL, messages=messages)
        assert "Throttling" not in str(lost.value)
    assert total(twin, "AWS/Bedrock", "Invocations", ModelId=MODEL) == 2
    assert total(twin, "AWS/Bedrock", "OutputTokenCount", ModelId=MODEL) > 0
    usage = twin.control("GET", "meter")["usage"]
    assert {entry["unit"] for entry in usage} >= {"input_tokens", "output_tokens"}
    failed = total(twin, "AWS/Bedrock", "InvocationServerErrors", ModelId=MODEL)
    assert failed == (0 if error is None else 2)
