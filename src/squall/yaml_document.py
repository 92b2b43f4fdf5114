"""A YAML file as plain values, with the line on which each of them stands.

Owns everything that can be wrong with YAML as such: syntax, repeated keys, keys that are no words,
endless references. Knows nothing of what the file is about. Plain words are read as YAML 1.2 reads
them: ``NO`` and ``off`` are text, not false, and ``2026-11-23`` is text, not a date.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from squall.errors import Problem

Place = tuple[str | int, ...]
"""The way to a value: keys and list positions from the top."""

MOST_CHARACTERS = 1_000_000
MOST_VALUES = 20_000

_ENVIRONMENT = re.compile(r"\$\{env:([^}]*)\}")
_PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

_Resolvers = dict[str, list[tuple[str, re.Pattern[str]]]]


def _words_of_yaml_1_2() -> _Resolvers:
    """What a word without quotes is, by its first character, as PyYAML wants it."""
    kinds = (
        ("null", ["~", "n", "N", ""], r"~|null|Null|NULL|"),
        ("bool", list("tTfF"), r"true|True|TRUE|false|False|FALSE"),
        ("int", list("-+0123456789"), r"[-+]?(?:0|[1-9][0-9_]*)"),
        (
            "float",
            list("-+.0123456789"),
            r"[-+]?[0-9][0-9_]*(?:\.[0-9]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)"
            r"|[-+]?\.[0-9]+(?:[eE][-+]?[0-9]+)?",
        ),
        ("merge", ["<"], r"<<"),
    )
    resolvers: _Resolvers = {}
    for kind, first, pattern in kinds:
        for character in first:
            resolver = (f"tag:yaml.org,2002:{kind}", re.compile(f"^(?:{pattern})$"))
            resolvers.setdefault(character, []).append(resolver)
    return resolvers


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the words of YAML 1.2."""

    yaml_implicit_resolvers = _words_of_yaml_1_2()


@dataclass(slots=True)
class Document:
    """What a file holds. ``value`` is None where the file cannot be read at all."""

    name: str
    value: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    """Line of each key or list item, counted from 1."""
    as_written: dict[Place, str] = field(default_factory=dict)
    """What stands in the file where a value came from the environment and may be secret."""
    problems: list[Problem] = field(default_factory=list)

    def where(self, place: Place) -> str:
        """``file:line`` of a value, or of the nearest thing around it that has a line."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.name}:{self.lines.get(place, 1)}"

    def report(self, place: Place, message: str) -> None:
        """Note a problem at a place."""
        self.problems.append(Problem(self.where(place), dotted(place), message))


def dotted(place: Place) -> str:
    """A place as it is written: ``load.parts[0].rate_tps``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_document(text: str, name: str, environment: Mapping[str, str] | None = None) -> Document:
    """Parse YAML; every problem is in the answer, nothing is raised.

    With an ``environment`` every ``${env:NAME}`` in a text is replaced by that variable's value.
    """
    document = Document(name)
    if len(text) > MOST_CHARACTERS:
        document.report((), f"the file is longer than {MOST_CHARACTERS:,} characters")
        return document
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            document.report((), "the file is empty")
        else:
            document.lines[()] = node.start_mark.line + 1
            document.value = _Reader(loader, document, environment).read(node, (), ())
    except yaml.MarkedYAMLError as error:
        document.problems.append(_syntax_problem(text, name, error))
        document.value = None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.problems.append(
            Problem(f"{name}:{line}", "", f"character U+{error.character:04X} is not allowed")
        )
    except RecursionError:
        document.value = None
        document.report((), "the values are nested too deeply")
    finally:
        if loader is not None:
            loader.dispose()
    return document


def _syntax_problem(text: str, name: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark else 0
    what = ", ".join(part for part in (error.context, error.problem) if part)
    lines = text.splitlines()
    written = lines[line] if line < len(lines) else ""
    hint = ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        hint = "; indent with spaces, not tabs"
    elif re.search(r"[{\[,].*\$\{", written):
        hint = "; inside { } and [ ] put ${…} into quotes"
    return Problem(f"{name}:{line + 1}", "", f"this is not YAML: {what}{hint}")


class _Reader:
    """Turns nodes into values and notes their lines."""

    def __init__(
        self, loader: _Loader, document: Document, environment: Mapping[str, str] | None
    ) -> None:
        self._loader = loader
        self._document = document
        self._environment = environment
        self._values = 0
        self._looked_through: set[int] = set()

    def read(self, node: yaml.Node, place: Place, above: tuple[int, ...]) -> Any:
        """The value of a node; ``above`` holds the nodes it is inside of."""
        self._values += 1
        if id(node) in above:
            raise yaml.composer.ComposerError(
                None, None, "a reference (*) points to what it stands in", node.start_mark
            )
        if self._values > MOST_VALUES:
            raise yaml.composer.ComposerError(
                None, None, f"there are more than {MOST_VALUES:,} values", node.start_mark
            )
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _PLAIN_TAGS:
            raise yaml.composer.ComposerError(
                None, None, f"the tag {node.tag} is not allowed", node.start_mark
            )
        inside = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place, inside)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*place, i), inside) for i, item in enumerate(node.value)]
        value = self._loader.construct_object(node, deep=True)
        return self._substituted(value, place) if isinstance(value, str) else value

    def _item(self, node: yaml.Node, place: Place, above: tuple[int, ...]) -> Any:
        self._document.lines[place] = node.start_mark.line + 1
        return self.read(node, place, above)

    def _mapping(self, node: yaml.MappingNode, place: Place, above: tuple[int, ...]) -> Any:
        if id(node) not in self._looked_through:
            self._looked_through.add(id(node))
            self._refuse_repeats(node, place)
            self._loader.flatten_mapping(node)
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._document.problems.append(
                    Problem(
                        f"{self._document.name}:{key_node.start_mark.line + 1}",
                        dotted(place),
                        "a key must be a word, not a list or mapping",
                    )
                )
                continue
            key = str(key_node.value)
            self._document.lines[(*place, key)] = key_node.start_mark.line + 1
            values[key] = self.read(value_node, (*place, key), above)
        return values

    def _refuse_repeats(self, node: yaml.MappingNode, place: Place) -> None:
        first: dict[str, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in first:
                self._document.problems.append(
                    Problem(
                        f"{self._document.name}:{line}",
                        dotted((*place, key)),
                        f"stands twice, first on line {first[key]}; take one out",
                    )
                )
            first.setdefault(key, line)

    def _substituted(self, text: str, place: Place) -> str:
        if self._environment is None or not _ENVIRONMENT.search(text):
            return text
        environment, document = self._environment, self._document
        document.as_written[place] = text

        def of_environment(match: re.Match[str]) -> str:
            name = match.group(1)
            if not name:
                document.report(place, "${env:} names no variable")
            elif name not in environment:
                document.report(place, f"the environment variable {name} is not set")
            return environment.get(name, "")

        return _ENVIRONMENT.sub(of_environment, text)
