"""Bad target files give every problem at once, each as ``file:line: field: message``."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.targets.certificates import Authority

from squall.errors import TargetFileError
from squall.models import FIELDS, Decision
from squall.targets import TargetFile, load_target_file
from squall.targets.target_reading import parse_target_file

START = "name: mine\nurl: http://127.0.0.1:8080\n"


def parse(text: str, environment: dict[str, str] | None = None) -> TargetFile:
    return parse_target_file(text, "t.yaml", frozenset(FIELDS), environment or {})


def problems(text: str, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(TargetFileError) as raised:
        parse(text, environment)
    assert str(raised.value) == "\n".join(map(str, raised.value.problems))
    return [str(problem) for problem in raised.value.problems]


BASE_URL = "must be http://host:port or https://host:port"
PORT = "must be http://host:port, with a port from 1 to 65535"
NO_PATH = "must end after the port; put the path into request.path"
ASCII_PATH = "must be ASCII without spaces; write other characters as %XX"
DOTTED = "must be names and list positions with dots between them, like outputs.0.data"
OWN = "is set by squall; take it out"
NO_FIELD = "is no field of a transaction"
LINE_BREAK = "must not have line breaks or control characters"
WORDS = "decision needs decisions: the words for approve, review and decline"

WHOLE_FILES = {
    "[]": "1: must be fields with values, at least name and url",
    "word": "1: must be fields with values, at least name and url",
    "": "1: the file is empty",
    "name: a\n": "1: url: is missing; http(s)://host[:port]; the path goes into request.path",
    "url: http://h\n": "1: name: is missing; Name in reports",
    "url: http://h\nname:\n": "2: name: must be text, not nothing",
    "url: http://h\nname: true\n": "2: name: must be text, not true; put it in quotes",
    "url: http://h\nname: ''\n": "2: name: must not be empty",
    f"url: http://h\nname: {'x' * 81}\n": "2: name: must have at most 80 characters",
    'url: http://h\nname: "\\ud800"\n': "2: name: must be text, not “\ud800”",
    START + "name: b": "3: name: stands twice, first on line 1; take one out",
    START + "helth: /h": "3: helth: is not a known key; did you mean health?",
    START + "zzz: 1": "3: zzz: is not a known key; there are name, url, request, answer, seen, "
    "decisions, health, agents, tls",
    START + "request: POST": "3: request: must be fields with values, not “POST”",
    START + "request: {heders: {}}": "3: request.heders: is not a known key; did you mean headers?",
    START + "request: {body: {a: 1}, text: b}": "3: request: body and text are given: take one out",
    START + "seen: {items: a}": "3: seen.path: is missing; Path and query of a page; may hold "
    "${run_tag}, which every id of the run starts with, and ${cursor}",
    START + "seen: {path: '/s?c=${curser}'}": "3: seen.path: ${curser} is not known here; there "
    "are ${run_tag}, ${cursor}",
    START + "seen: {path: /s, next_cursor: n}": "3: seen: next_cursor needs ${cursor} in path: "
    "every page would be the first",
    START + "seen: {path: '/s?c=${cursor}'}": "3: seen: ${cursor} in path needs next_cursor: only "
    "one page would be read",
    START + "health: h": "3: health: must start with /",
    START + "agents: 'a b'": "3: agents: must start with /",
    START + "tls: {verify: maybe}": "3: tls.verify: must be true or false, not “maybe”",
    START + "tls: {ca_file: ''}": "3: tls.ca_file: must not be empty",
    START + "tls:\n  ca_file: none.pem": "4: tls.ca_file: none.pem cannot be read: No such file or "
    "directory",
    START + "request:\n  headers:\n    A: Bearer ${env:TOKEN}": "5: request.headers.A: the "
    "environment variable TOKEN is not set",
}
URLS = {
    "ftp://h": BASE_URL,
    "127.0.0.1:80": BASE_URL,
    "http://": BASE_URL,
    "http://a b": BASE_URL,
    "http://münchen.example": BASE_URL,
    "http://h:99999": PORT,
    "http://h:0": PORT,
    "http://h:x": PORT,
    "'http://[::1'": PORT,
    "http://h/v1": NO_PATH,
    "http://h?a=1": NO_PATH,
    "'http://h#a'": NO_PATH,
    "http://user:secret@h": "must not hold a user name or password; send them as a header, for "
    "instance Authorization: ${env:TOKEN}",
}
REQUESTS = {
    "method: post": "method: must be an HTTP method in capital letters, like POST",
    "method: HEAD": "method: must not be HEAD: its answers say nothing of a transaction",
    "path: v1": "path: must start with /",
    "path: /a b": f"path: {ASCII_PATH}",
    "path: /ä": f"path: {ASCII_PATH}",
    'path: "/a\\r\\nX: 1"': f"path: {ASCII_PATH}",
    "path: '/a#b'": "path: must not have a fragment (#): it is never sent",
    "headers: [a]": "headers: must be fields with values, not a list",
    "headers: {a b: 1}": "headers.a b: is not a header name",
    "headers: {host: h}": f"headers.host: {OWN}",
    "headers: {Content-Length: 1}": f"headers.Content-Length: {OWN}",
    "headers: {content-type: a}": "headers.content-type: write it as request.content_type instead",
    'headers: {X: "a\\nb"}': f"headers.X: {LINE_BREAK}",
    'content_type: "a\\r\\nb"': f"content_type: {LINE_BREAK}",
    "body: {a: 99999999999999999999}": "body: cannot be written as JSON: Integer exceeds 64-bit "
    "range",
    "body: {a: '${amont}'}": f"body.a: ${{amont}} {NO_FIELD}; did you mean amount?",
    "body: ['${Amount}']": f"body[0]: ${{Amount}} {NO_FIELD}; did you mean amount?",
    "body: {a: [{b: 'x ${card'}]}": "body.a[0].b: “${card” is not closed; write ${field}",
    "body: {'${city}': 1}": "body.${city}: a key cannot hold ${…}; only values can",
    "text: ${amounts}": f"text: ${{amounts}} {NO_FIELD}; did you mean amount?",
    "path: '/${q}'": f"path: ${{q}} {NO_FIELD}; there are {', '.join(sorted(FIELDS))}",
    "headers: {K: '${cvc}'}": f"headers.K: ${{cvc}} {NO_FIELD}; did you mean cvv?",
}
ANSWERS = {
    "accepted_statuses: 200": "accepted_statuses: must be a list, like [200]",
    "accepted_statuses: []": "accepted_statuses: must not be empty",
    "accepted_statuses: [100]": "accepted_statuses[0]: must be at least 200, not 100",
    "accepted_statuses: [200, 600]": "accepted_statuses[1]: must be at most 599, not 600",
    "accepted_statuses: [ok]": "accepted_statuses[0]: must be a number, not “ok”",
    "accepted_statuses: [200.5]": "accepted_statuses[0]: must be a whole number, not 200.5",
    "id: a..b": f"id: {DOTTED}",
    "score: ' '": f"score: {DOTTED}",
    "score_max: 0": "score_max: must be more than 0, not 0",
    "score_max: inf": "score_max: must be a number, not “inf”",
    "decide_by_score: {}": "decide_by_score: give review, decline or both",
    "decide_by_score: {review: 2, decline: 1}": "decide_by_score: review must not be above decline",
    "decide_by_score: {block: 1}": "decide_by_score.block: is not a known key; there are review, "
    "decline",
    "decisions: {aprove: [A]}": "decisions.aprove: is none of approve, review, decline; did you "
    "mean approve?",
    "decisions: {approve: A}": "decisions.approve: must be a list, like [A]",
    "decisions: {approve: [[A]]}": "decisions.approve[0]: must be text, not a list",
}
WHOLE_ANSWERS = {
    "decision: d": WORDS,
    "decision: d, decisions: {approve: []}": WORDS,
    "decisions: {approve: [A]}": "decisions needs decision: where in the answer the word is",
    "decide_by_score: {decline: 1}": "decide_by_score needs score: where in the answer the score "
    "is",
    "score: s, decide_by_score: {decline: 1}, decision: d, decisions: {approve: [A]}": "decision "
    "and decide_by_score are given: take one out",
    "decision: d, decisions: {approve: [true], decline: ['true']}": "decisions: true means both "
    "approve and decline",
}
ONE_PROBLEM = [
    *WHOLE_FILES.items(),
    *[(f"name: a\nurl: {url}", f"2: url: {message}") for url, message in URLS.items()],
    *[(START + f"request:\n  {line}", f"4: request.{text}") for line, text in REQUESTS.items()],
    *[(START + f"answer:\n  {line}", f"4: answer.{text}") for line, text in ANSWERS.items()],
    *[(START + f"answer: {{{line}}}", f"3: answer: {m}") for line, m in WHOLE_ANSWERS.items()],
]


@pytest.mark.parametrize(("text", "problem"), ONE_PROBLEM)
def test_one_problem(text: str, problem: str) -> None:
    assert problems(text) == [f"t.yaml:{problem}"]


def test_every_problem_at_once_in_the_order_of_the_file() -> None:
    text = """\
name: mine
url: http://127.0.0.1:8080/v1
reqest: {}
request:
  method: post
  headers:
    Host: elsewhere
    Key: ${env:KEY}
  body:
    amount: ${amont}
    amount: 1
answer:
  accepted_statuses: [20]
  decisions:
    aprove: [OK]
seen:
  path: seen
tls:
  verify: 2
"""
    assert problems(text) == [
        "t.yaml:2: url: must end after the port; put the path into request.path",
        "t.yaml:3: reqest: is not a known key; did you mean request?",
        "t.yaml:5: request.method: must be an HTTP method in capital letters, like POST",
        "t.yaml:7: request.headers.Host: is set by squall; take it out",
        "t.yaml:8: request.headers.Key: the environment variable KEY is not set",
        "t.yaml:11: request.body.amount: stands twice, first on line 10; take one out",
        "t.yaml:13: answer.accepted_statuses[0]: must be at least 200, not 20",
        "t.yaml:15: answer.decisions.aprove: is none of approve, review, decline; did you mean "
        "approve?",
        "t.yaml:17: seen.path: must start with /",
        "t.yaml:19: tls.verify: must be true or false, not 2",
    ]


def test_a_secret_from_the_environment_is_never_shown() -> None:
    text = START + "request:\n  headers: {A: '${env:TOKEN}'}\ntls:\n  verify: ${env:TOKEN}\n"
    assert problems(text, {"TOKEN": "s3cret\n"}) == [
        "t.yaml:4: request.headers.A: must not have line breaks or control characters",
        "t.yaml:6: tls.verify: must be true or false, not “${env:TOKEN}”",
    ]


def test_values_come_from_the_environment() -> None:
    text = (
        "name: mine\nurl: http://${env:HOST}:${env:PORT}\n"
        "request: {headers: {Authorization: 'Bearer ${env:TOKEN}'}}\n"
        "answer: {accepted_statuses: ['${env:STATUS}']}\n"
    )
    values = {"HOST": "pay.example", "PORT": "8080", "TOKEN": "t", "STATUS": "201"}
    target = parse(text, values)
    assert target.url == "http://pay.example:8080"
    assert target.request.headers == {"Authorization": "Bearer t"}
    assert target.answer.accepted_statuses == (201,)


def test_the_processs_environment_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("name: ${env:SQUALL_TEST_NAME}\nurl: http://h\n")
    monkeypatch.setenv("SQUALL_TEST_NAME", "from outside")
    assert load_target_file(file).name == "from outside"


def test_numbers_are_taken_as_text_where_text_is_due() -> None:
    target = parse(
        START + "request: {headers: {X-Version: 2}}\nanswer: {id: 0}\n"
        "seen: {path: '/s?c=${cursor}', next_cursor: 1, first_cursor: 0}\n"
    )
    assert target.request.headers == {"X-Version": "2"}
    assert target.answer.id == "0"
    assert target.seen is not None
    assert target.seen.first_cursor == "0"


def test_words_of_a_decision() -> None:
    text = (
        "answer: {decision: d, decisions: {approve: [OK, NO, 0, true], decline: [BAD, 1, false]}}"
    )
    assert parse(START + text).answer.words == {
        "OK": Decision.APPROVE,
        "NO": Decision.APPROVE,  # not false, as YAML 1.1 would have it
        "0": Decision.APPROVE,
        "true": Decision.APPROVE,
        "BAD": Decision.DECLINE,
        "1": Decision.DECLINE,
        "false": Decision.DECLINE,
    }


def test_a_date_or_country_in_a_body_stays_as_written() -> None:
    body = parse(START + "request: {body: {since: 2026-11-23, country: NO, n: 1, ok: true}}")
    expected = {"since": "2026-11-23", "country": "NO", "n": 1, "ok": True}
    assert body.request.body == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"name: \xff", "cannot be read: it is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "t.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TargetFileError) as raised:
        load_target_file(file)
    assert str(raised.value) == f"{file}: {message}"


def test_a_directory_is_no_target_file(tmp_path: Path) -> None:
    with pytest.raises(TargetFileError, match="cannot be read: Is a directory"):
        load_target_file(tmp_path)


def test_the_certificate_authority_is_looked_for_beside_the_file(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "certificates").mkdir()
    beside = tmp_path / "certificates" / "ca.pem"
    beside.write_bytes(authority.ca_file.read_bytes())
    file = tmp_path / "t.yaml"
    file.write_text(START + "tls: {ca_file: certificates/ca.pem}\n")
    monkeypatch.chdir(tmp_path)
    for path in (file, Path("t.yaml")):
        assert load_target_file(path).tls.ca_file == str(beside)
    file.write_text(START + f"tls: {{ca_file: {beside}}}\n")
    assert load_target_file(file).tls.ca_file == str(beside)


def test_a_certificate_authority_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hello")
    file = tmp_path / "t.yaml"
    file.write_text(START + "tls:\n  ca_file: ca.pem\n")
    with pytest.raises(TargetFileError) as raised:
        load_target_file(file)
    assert str(raised.value) == (
        f"{file}:4: tls.ca_file: {tmp_path}/ca.pem holds no certificate in PEM form"
    )


def test_without_known_fields_references_are_not_checked() -> None:
    text = START + "request: {body: {a: '${anything}'}}"
    assert parse_target_file(text, "t.yaml").request.body == {"a": "${anything}"}


def test_fields_of_a_users_own_data_may_be_referred_to() -> None:
    text = START + "request: {body: {a: '${iban}'}}"
    parse_target_file(text, "t.yaml", frozenset({"iban"}), {})
    with pytest.raises(TargetFileError, match="there are iban"):
        parse_target_file(text.replace("iban", "amount"), "t.yaml", frozenset({"iban"}), {})
