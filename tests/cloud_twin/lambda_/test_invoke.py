"""Functions in real processes, run by AWS's own runtime interface client."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import time

import psutil
import pytest
from tests.cloud_twin.lambda_.fakes import Bench, archive, until

from cloud_twin.errors import AwsError
from cloud_twin.services.lambda_ import LambdaOptions

ECHO = """
import os
def handler(event, context):
    return {"event": event, "pid": os.getpid()}
"""


def kill(pid: int) -> None:
    """SIGKILL, and wait until the kernel has ended it: a signal takes its time."""
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline


async def test_one_environment_serves_one_event_after_another(bench: Bench) -> None:
    await bench.create(ECHO)
    first, error, answer = await bench.invoke({"n": 1})
    second, _, _ = await bench.invoke({"n": 2})
    assert error is None
    assert answer.status == 200
    assert answer.headers["X-Amz-Executed-Version"] == "$LATEST"
    assert (first["event"], second["event"]) == ({"n": 1}, {"n": 2})
    assert first["pid"] == second["pid"] == bench.service.pids("fn")[0]
    assert bench.usage("requests") == 2
    assert bench.metrics.values["Invocations"] == [1, 1]
    assert bench.metrics.values["Errors"] == [0, 0]


async def test_a_cold_start_is_recorded_and_billed_once(bench: Bench) -> None:
    await bench.create(ECHO, MemorySize=1024)
    for _ in range(2):
        await bench.invoke()
    reports = [line.text for line in bench.service.logs("fn") if line.text.startswith("REPORT")]
    assert ["Init Duration" in report for report in reports] == [True, False]
    billed_ms = sum(int(report.split("Billed Duration: ")[1].split(" ")[0]) for report in reports)
    assert bench.usage("gb_seconds") == pytest.approx(billed_ms / 1000)
    assert billed_ms > sum(bench.metrics.values["Duration"])


async def test_events_at_once_have_environments_of_their_own(bench: Bench) -> None:
    source = ECHO.replace("    return", "    import time; time.sleep(0.3)\n    return")
    await bench.create(source)
    answers = await asyncio.gather(*(bench.invoke() for _ in range(3)))
    assert len({payload["pid"] for payload, _, _ in answers}) == 3
    assert max(bench.metrics.values["ConcurrentExecutions"]) == 3


async def test_a_function_sees_what_it_would_see_on_lambda(bench: Bench) -> None:
    source = """
import os
def handler(event, context):
    return {
        "env": dict(os.environ), "cwd": os.getcwd(), "arn": context.invoked_function_arn,
        "left_ms": context.get_remaining_time_in_millis(), "memory": context.memory_limit_in_mb,
        "client": context.client_context.custom if context.client_context else None,
        "id": context.aws_request_id, "trace": os.environ["_X_AMZN_TRACE_ID"],
    }
"""
    bench.service.endpoint_url = "http://127.0.0.1:1"
    await bench.create(source, MemorySize=256, Environment={"Variables": {"STAGE": "test"}})
    context = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
    seen, _, _ = await bench.invoke(x_amz_client_context=context)
    env = seen["env"]
    assert env["STAGE"] == "test"
    assert env["AWS_LAMBDA_FUNCTION_NAME"] == "fn"
    assert env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256" == seen["memory"]
    assert env["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert env["AWS_REGION"] == "us-east-1"
    assert env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert env["_HANDLER"] == "app.handler"
    assert env["LAMBDA_TASK_ROOT"] == seen["cwd"]
    assert env["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.11"
    assert seen["arn"] == "arn:aws:lambda:us-east-1:000000000000:function:fn"
    assert 15_000 < seen["left_ms"] <= 20_000
    assert seen["client"] == {"a": "b"}
    assert seen["trace"].startswith("Root=1-")
    assert len(seen["id"]) == 36


async def test_an_exception_is_a_function_error_and_the_environment_stays(bench: Bench) -> None:
    await bench.create("def handler(e, c):\n    raise ValueError('wrong ' + e['what'])\n")
    payload, error, answer = await bench.invoke({"what": "sum"})
    await bench.invoke({"what": "sum"})
    assert error == "Unhandled"
    assert answer.status == 200
    assert payload["errorType"] == "ValueError"
    assert payload["errorMessage"] == "wrong sum"
    assert "line 2, in handler" in payload["stackTrace"][0]
    assert bench.metrics.values["Errors"] == [1, 1]
    assert len(bench.service.pids("fn")) == 1


async def test_the_log_tail_has_what_the_function_printed(bench: Bench) -> None:
    source = """
import logging, sys
def handler(event, context):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    logging.getLogger().warning("through logging")
    sys.stdout.write("no line end")
"""
    await bench.create(source)
    _, _, answer = await bench.invoke(x_amz_log_type="Tail")
    lines = base64.b64decode(answer.headers["X-Amz-Log-Result"]).decode().splitlines()
    assert lines[0].startswith("START RequestId: ")
    assert lines[1:3] == ["to stdout", "to stderr"]
    assert any(line.startswith("[WARNING]") and "through logging" in line for line in lines)
    assert "no line end" in lines
    assert lines[-2].startswith("END RequestId: ")
    assert lines[-1].startswith("REPORT RequestId: ")
    assert "Max Memory Used" in lines[-1]


async def test_the_log_tail_is_the_last_4_kb(bench: Bench) -> None:
    await bench.create("def handler(e, c):\n    print('x' * 10_000)\n    print('the end')\n")
    _, _, answer = await bench.invoke(x_amz_log_type="Tail")
    tail = base64.b64decode(answer.headers["X-Amz-Log-Result"])
    assert len(tail) == 4096
    assert b"the end" in tail


async def test_a_timeout_kills_the_process(bench: Bench) -> None:
    source = """
import os, time
def handler(event, context):
    if event.get("hang"):
        time.sleep(60)
    return os.getpid()
"""
    await bench.create(source, Timeout=1)
    pid, _, _ = await bench.invoke()
    payload, error, answer = await bench.invoke({"hang": True}, x_amz_log_type="Tail")
    assert error == "Unhandled"
    assert payload["errorType"] == "Sandbox.Timedout"
    assert payload["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    tail = base64.b64decode(answer.headers["X-Amz-Log-Result"])
    assert b"Task timed out after 1.00 seconds" in tail
    await until(lambda: not psutil.pid_exists(pid))
    assert bench.metrics.values["Duration"][-1] == 1000
    again, error, _ = await bench.invoke()
    assert error is None
    assert again != pid


async def test_a_timeout_ends_what_the_function_started_too(bench: Bench) -> None:
    source = """
import subprocess, time
def handler(event, context):
    child = subprocess.Popen(["sleep", "60"])
    print("child", child.pid)
    time.sleep(60)
"""
    await bench.create(source, Timeout=1)
    await bench.invoke()
    child = next(line.text for line in bench.service.logs("fn") if line.text.startswith("child"))
    pid = int(child.split()[1])
    await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie")


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        ("import no_such_module", "app.handler", "Runtime.ImportModuleError", "no_such_module"),
        ("def handler(:", "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module"),
        ("x = 1", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing"),
        ("x = 1", "handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
        ("1 / 0", "app.handler", "ZeroDivisionError", "division by zero"),
        ("import os; os._exit(3)", "app.handler", "Runtime.ExitError", "exit status 3"),
    ],
)
async def test_a_function_that_cannot_be_loaded(
    bench: Bench, source: str, handler: str, error_type: str, message: str
) -> None:
    await bench.create(source, Handler=handler)
    for _ in range(2):
        payload, error, _ = await bench.invoke()
        assert error == "Unhandled"
        assert payload["errorType"] == error_type
        assert message in payload["errorMessage"]
    assert bench.metrics.values["Errors"] == [1, 1]
    await until(lambda: not bench.service.pids("fn"))


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("os._exit(1)", "Runtime exited with error: exit status 1"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "exited with error: signal: segmentation fault"),
    ],
)
async def test_a_process_that_ends_in_the_middle(
    bench: Bench, statement: str, message: str
) -> None:
    await bench.create(f"import os, signal\ndef handler(e, c):\n    {statement}\n")
    payload, error, _ = await bench.invoke()
    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"].endswith(message)


async def test_a_busy_process_killed_from_outside_fails_its_event_only(bench: Bench) -> None:
    await bench.create(
        "import os, time\n"
        "def handler(e, c):\n    time.sleep(e.get('s', 0))\n    return os.getpid()\n"
    )
    pid, _, _ = await bench.invoke()
    running = asyncio.create_task(bench.invoke({"s": 30}))
    await until(lambda: len([x for x in bench.service.logs("fn") if "START" in x.text]) == 2)
    os.kill(pid, signal.SIGKILL)
    payload, error, _ = await running
    assert error == "Unhandled"
    assert payload["errorMessage"].endswith("signal: killed")
    again, error, _ = await bench.invoke()
    assert error is None
    assert again != pid


async def test_an_idle_process_killed_from_outside_is_replaced(bench: Bench) -> None:
    await bench.create(ECHO)
    for _ in range(5):
        before, error, _ = await bench.invoke()
        assert error is None
        kill(before["pid"])
        after, error, _ = await bench.invoke()
        assert error is None
        assert after["pid"] != before["pid"]


async def test_too_much_memory_ends_the_process(bench: Bench) -> None:
    source = """
import time
def handler(event, context):
    if event.get("mb"):
        block = bytearray(event["mb"] * 1024 * 1024)
        time.sleep(20)
    return "small"
"""
    await bench.create(source, MemorySize=128)
    payload, error, _ = await bench.invoke()
    assert (payload, error) == ("small", None)
    payload, error, _ = await bench.invoke({"mb": 200})
    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"].endswith("signal: killed")


async def test_large_virtual_maps_are_not_memory(bench: Bench) -> None:
    source = """
import mmap
def handler(event, context):
    block = mmap.mmap(-1, 4 * 1024**3)
    return len(block)
"""
    await bench.create(source, MemorySize=128)
    payload, error, _ = await bench.invoke()
    assert (payload, error) == (4 * 1024**3, None)


async def test_a_function_can_import_from_its_code_and_from_the_twins_environment(
    bench: Bench,
) -> None:
    await bench.create("import orjson\ndef handler(e, c):\n    return orjson.dumps(1).decode()\n")
    assert (await bench.invoke())[0] == "1"


async def test_an_update_replaces_environments_after_their_event(bench: Bench) -> None:
    await bench.create("import time\ndef handler(e, c):\n    time.sleep(0.3)\n    return 'old'\n")
    running = asyncio.create_task(bench.invoke())
    await until(lambda: bool(bench.service.logs("fn")))
    code = base64.b64encode(archive("def handler(e, c):\n    return 'new'\n")).decode()
    await bench.call("UpdateFunctionCode", FunctionName="fn", ZipFile=code)
    assert (await bench.invoke())[0] == "new"
    assert (await running)[0] == "old"
    await until(lambda: len(bench.service.pids("fn")) == 1)


async def test_an_idle_environment_ends_after_a_while() -> None:
    bench = Bench(LambdaOptions(idle_timeout_s=0.1, watch_interval_s=0.02))
    try:
        await bench.create(ECHO)
        payload, _, _ = await bench.invoke()
        await until(lambda: not psutil.pid_exists(payload["pid"]))
        assert (await bench.invoke())[1] is None
    finally:
        await bench.service.close()


async def test_deleting_a_function_ends_its_processes_and_removes_its_code(bench: Bench) -> None:
    await bench.create("import os\ndef handler(e, c):\n    return [os.getpid(), os.getcwd()]\n")
    (pid, directory), _, _ = await bench.invoke()
    await bench.call("DeleteFunction", FunctionName="fn")
    await until(lambda: not psutil.pid_exists(pid) and not os.path.exists(directory))
    with pytest.raises(AwsError, match="Function not found"):
        await bench.invoke()


async def test_an_answer_over_6_mb_is_refused(bench: Bench) -> None:
    await bench.create("def handler(e, c):\n    return 'x' * e['n']\n")
    payload, error, _ = await bench.invoke({"n": 6 * 1024 * 1024 - 100})
    assert error is None
    payload, error, _ = await bench.invoke({"n": 6 * 1024 * 1024 + 200})
    assert error == "Unhandled"
    assert payload["errorType"] == "Function.ResponseSizeTooLarge"
    assert (await bench.invoke({"n": 1}))[0] == "x"


async def test_a_request_over_6_mb_is_refused(bench: Bench) -> None:
    await bench.create(ECHO)
    with pytest.raises(AwsError) as refused:
        await bench.invoke({"x": "x" * 6 * 1024 * 1024})
    assert (refused.value.code, refused.value.status) == ("RequestTooLargeException", 413)


@pytest.mark.parametrize("body", [b"{", b"nonsense", b'{"a": }'])
async def test_a_payload_that_is_no_json_is_refused(bench: Bench, body: bytes) -> None:
    await bench.create(ECHO)
    with pytest.raises(AwsError, match="Could not parse request body into json"):
        await bench.call("Invoke", body, FunctionName="fn")


async def test_a_dry_run_runs_nothing(bench: Bench) -> None:
    await bench.create(ECHO)
    answer = await bench.call(
        "Invoke", b"{}", {"x-amz-invocation-type": "DryRun"}, FunctionName="fn"
    )
    assert answer.status == 204
    assert not bench.service.pids("fn")


async def test_the_twin_itself_can_call_a_function(bench: Bench) -> None:
    await bench.create("def handler(e, c):\n    return e['a'] + 1\n")
    assert await bench.service.invoke("fn", b'{"a": 1}') == (b"2", None)
    payload, error = await bench.service.invoke("fn", b"{}")
    assert b"KeyError" in payload
    assert error == "Unhandled"


async def test_replaced_code_stays_while_an_event_still_runs_on_it(bench: Bench) -> None:
    source = """
import os, time
def handler(event, context):
    while not os.path.exists(event["go"]):
        time.sleep(0.01)
    return sorted(os.listdir("."))[0], os.getcwd()
"""
    await bench.create(source)
    (_, directory), _, _ = await bench.invoke({"go": "/"})
    running = asyncio.create_task(bench.invoke({"go": f"{directory}/go"}))
    await until(lambda: len([x for x in bench.service.logs("fn") if "START" in x.text]) == 2)
    code = base64.b64encode(archive("def handler(e, c):\n    return 'new'\n")).decode()
    await bench.call("UpdateFunctionCode", FunctionName="fn", ZipFile=code)
    assert (await bench.invoke())[0] == "new"
    with open(f"{directory}/go", "w"):
        pass
    (listed, _), error, _ = await running
    assert (listed, error) == ("__pycache__", None)
    await until(lambda: not os.path.exists(directory))


async def test_a_process_that_cannot_be_started_is_an_error_of_the_service(bench: Bench) -> None:
    await bench.create("import os\ndef handler(e, c):\n    return os.getcwd()\n")
    directory, _, _ = await bench.invoke()
    for pid in bench.service.pids("fn"):
        kill(pid)
    shutil.rmtree(directory)
    with pytest.raises(AwsError, match="cannot be started") as refused:
        await bench.invoke()
    assert refused.value.status == 502
    await until(lambda: not bench.service.pids("fn"))


async def test_the_log_of_a_function_that_cannot_be_loaded_says_why(bench: Bench) -> None:
    await bench.create("print('loading')\nimport no_such_module\n")
    _, error, answer = await bench.invoke(x_amz_log_type="Tail")
    tail = base64.b64decode(answer.headers["X-Amz-Log-Result"]).decode()
    assert error == "Unhandled"
    assert "loading" in tail
    assert "[ERROR] Runtime.ImportModuleError: Unable to import module 'app'" in tail
    assert "Error Type: Runtime.ImportModuleError" in tail
