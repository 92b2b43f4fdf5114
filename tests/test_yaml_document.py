"""Everything that can be wrong with YAML as such, and how plain words are read."""

from __future__ import annotations

import pytest

from squall.yaml_document import MOST_CHARACTERS, MOST_VALUES, Document, dotted, read_document


def problems(text: str, environment: dict[str, str] | None = None) -> list[str]:
    return [str(problem) for problem in read_document(text, "f.yaml", environment).problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("2026-11-23", "2026-11-23"),
        ("12:30", "12:30"),
        ("007", "007"),
        ("0x1f", "0x1f"),
        ("0", 0),
        ("-3", -3),
        ("10_000", 10_000),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("127.0.0.1", "127.0.0.1"),
        ("~", None),
        ("null", None),
        ("", None),
        ("'1'", "1"),
    ],
)
def test_plain_words_are_read_as_yaml_1_2_reads_them(written: str, value: object) -> None:
    document = read_document(f"a: {written}", "f.yaml")
    assert document.value == {"a": value}
    assert type(document.value["a"]) is type(value)
    assert not document.problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "f.yaml:1: the file is empty"),
        ("# nothing\n", "f.yaml:1: the file is empty"),
        (
            "a: {b: ${c}}",
            "f.yaml:1: this is not YAML: while parsing a flow mapping, expected ',' or '}', but "
            "got '{'; inside { } and [ ] put ${…} into quotes",
        ),
        (
            "a:\n\tb: 1",
            "f.yaml:2: this is not YAML: while scanning for the next token, found character '\\t' "
            "that cannot start any token; indent with spaces, not tabs",
        ),
        (
            "a: &x [*x]",
            "f.yaml:1: this is not YAML: a reference (*) points to what it stands in",
        ),
        (
            "a: !!python/object:os.system {}",
            "f.yaml:1: this is not YAML: the tag tag:yaml.org,2002:python/object:os.system is not "
            "allowed",
        ),
        (
            "a: !x 1",
            "f.yaml:1: this is not YAML: could not determine a constructor for the tag '!x'",
        ),
        ("a: 1\nb: *y", "f.yaml:2: this is not YAML: found undefined alias 'y'"),
        (
            "a: 1\n---\nb: 2",
            "f.yaml:2: this is not YAML: expected a single document in the stream, but found "
            "another document",
        ),
        ("[" * 5000, "f.yaml:1: the values are nested too deeply"),
        ("a: b\nc: \x00", "f.yaml:2: character U+0000 is not allowed"),
        ("? [1]\n: 2", "f.yaml:1: a key must be a word, not a list or mapping"),
        (
            "a:\n  b: 1\n  c: 2\n  b: 3",
            "f.yaml:4: a.b: stands twice, first on line 2; take one out",
        ),
        ("#" * (MOST_CHARACTERS + 1), "f.yaml:1: the file is longer than 1,000,000 characters"),
        (
            f"a: &a {list(range(1000))}\nb: [{'*a, ' * (MOST_VALUES // 1000)}]",
            "f.yaml:1: this is not YAML: there are more than 20,000 values",
        ),
    ],
)
def test_what_is_not_yaml(text: str, problem: str) -> None:
    assert problems(text) == [problem]


def test_merged_mappings_are_read_and_do_not_count_as_repeats() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {<<: *a, y: 3}\nc: *b\nd: [*b]"
    document = read_document(text, "f.yaml")
    assert document.problems == []
    assert document.value["b"] == {"x": 1, "y": 3}
    assert document.value["c"] == document.value["d"][0] == document.value["b"]


def test_lines_and_places() -> None:
    document = read_document("a:\n  - b: 1\n  -\n    c: 2\nd: 3\n", "f.yaml")
    assert document.where(("a", 0, "b")) == "f.yaml:2"
    assert document.where(("a", 1, "c")) == "f.yaml:4"
    assert document.where(("a", 1, "missing", "deep")) == "f.yaml:4"
    assert document.where(("d",)) == "f.yaml:5"
    assert document.where(()) == "f.yaml:1"
    assert dotted(("a", 1, "c", 0, 2, "x")) == "a[1].c[0][2].x"


def test_an_empty_document_has_a_place_too() -> None:
    assert Document("f.yaml").where(("a",)) == "f.yaml:1"


def test_the_environment_is_filled_in_where_it_is_asked_for() -> None:
    text = "a: https://${env:HOST}:${env:PORT}\nb: [x, '${env:PORT}']\nc: ${field}"
    document = read_document(text, "f.yaml", {"HOST": "pay.example", "PORT": "8080"})
    assert document.value == {
        "a": "https://pay.example:8080",
        "b": ["x", "8080"],
        "c": "${field}",
    }
    assert document.as_written == {
        ("a",): "https://${env:HOST}:${env:PORT}",
        ("b", 1): "${env:PORT}",
    }
    assert read_document(text, "f.yaml").value["b"] == ["x", "${env:PORT}"]


def test_every_missing_variable_is_reported_in_its_place() -> None:
    assert problems("a: 1\nb: ${env:ONE}${env:TWO}\nc: ['${env:}']", {}) == [
        "f.yaml:2: b: the environment variable ONE is not set",
        "f.yaml:2: b: the environment variable TWO is not set",
        "f.yaml:3: c[0]: ${env:} names no variable",
    ]


def test_a_variable_cannot_change_what_the_file_says() -> None:
    document = read_document("a: ${env:X}\nb: 1", "f.yaml", {"X": "1\nb: 2\n${env:X} *ref"})
    assert document.value == {"a": "1\nb: 2\n${env:X} *ref", "b": 1}
