from __future__ import annotations

from pathlib import Path

import pytest
from tests.targets.batches import batch, column

from squall.errors import ConfigurationError, TargetFileError
from squall.models import FIELDS
from squall.targets import platform_target, resolve_target
from squall.targets.resolve import sorted_fields


def test_a_url_is_the_platforms_interface() -> None:
    found = resolve_target("http://127.0.0.1:9000")
    assert found.name == "fraud platform"
    assert str(found.spec.endpoint) == "127.0.0.1:9000"
    assert found.spec.fields == frozenset(FIELDS)
    assert found.agents_url == "/v1/agents"
    assert found.reader("run") is not None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "http://h/v1",
            "--target: http://h/v1 must end after the port; put the path into request.path of a "
            "target file",
        ),
        (
            "http://h:x",
            "--target: http://h:x must be http://host:port, with a port from 1 to 65535",
        ),
        ("https://", "--target: https:// must be http://host:port or https://host:port"),
    ],
)
def test_a_url_that_is_none(url: str, message: str) -> None:
    with pytest.raises(TargetFileError) as raised:
        resolve_target(url)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("localhost:8080", "; did you mean http://localhost:8080?"),
        ("payments", ""),
        ("payments.toml", ""),
    ],
)
def test_what_is_neither_url_nor_file(text: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        resolve_target(text)
    assert str(raised.value) == (
        f"--target {text}: give inline, a URL (http://host:port, kinesis://STREAM, "
        f"lambda://FUNCTION) or a target file (.yaml){hint}"
    )


def test_a_file_is_checked_against_the_fields_of_the_run(tmp_path: Path) -> None:
    file = tmp_path / "mine.yml"
    file.write_text("name: mine\nurl: http://h\nrequest: {body: {a: '${iban}'}}\n")
    assert resolve_target(str(file), frozenset({"iban"})).spec.fields == {"iban"}
    with pytest.raises(TargetFileError, match=r"mine.yml:3: request.body.a: \${iban} is no field"):
        resolve_target(str(file))


def test_the_whole_transaction_has_the_fields_of_the_run(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nurl: http://h\n")
    spec = resolve_target(str(file), frozenset({"zeta", "amount", "transaction_id"})).spec
    values = batch({name: column([1]) for name in ("zeta", "amount", "transaction_id")})
    body = bytes(spec.writer().write(values)[0]).partition(b"\r\n\r\n")[2]
    assert body == b'{"transaction_id":1,"amount":1,"zeta":1}'


def test_order_of_fields() -> None:
    assert sorted_fields(frozenset({"b", "a", "amount", "type"})) == ["type", "amount", "a", "b"]


def test_the_platforms_own_target_file_has_no_problem() -> None:
    assert platform_target("https://platform.example").spec.endpoint.tls
