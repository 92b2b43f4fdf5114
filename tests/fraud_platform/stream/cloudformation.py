"""The template as CloudFormation reads it: parameters put in, conditions decided."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[3] / "deploy" / "aws" / "template.yaml"
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "111122223333"}
_NOTHING = object()


class _Loader(yaml.SafeLoader):
    """Keeps CloudFormation's tags as mappings of one entry."""


def _tagged(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {f"!{tag}": loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {f"!{tag}": loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {f"!{tag}": loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tagged)


class Deployed:
    """What is made of the template with these parameters; the others at their defaults."""

    def __init__(self, **parameters: str | int) -> None:
        self._template: dict[str, Any] = yaml.load(TEMPLATE.read_text("utf-8"), _Loader)
        known = self._template["Parameters"]
        assert set(parameters) <= set(known), set(parameters) - set(known)
        defaults = {name: one["Default"] for name, one in known.items() if "Default" in one}
        self.parameters = {**PSEUDO, **defaults, "BucketName": "a-bucket", **parameters}

    def variables(self) -> dict[str, str]:
        """The function's environment."""
        found = self.properties("Decide")["Environment"]["Variables"]
        return {name: str(value) for name, value in found.items()}

    def variables_of_parameters(self) -> set[str]:
        """Names of those that a parameter can change."""
        raw = self._template["Resources"]["Decide"]["Properties"]["Environment"]["Variables"]
        return {name for name, value in raw.items() if isinstance(value, Mapping)}

    def properties(self, resource: str) -> Any:
        """A resource's properties."""
        return self._resolved(self._template["Resources"][resource]["Properties"])

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            items = [self._resolved(item) for item in value]
            return [item for item in items if item is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (tag, inner), *_ = value.items()
            if tag == "!Ref":
                return _NOTHING if inner == "AWS::NoValue" else self.parameters.get(inner, inner)
            if tag == "!Sub":
                for name, filled in self.parameters.items():
                    inner = inner.replace(f"${{{name}}}", str(filled))
                return inner
            if tag == "!If":
                return self._resolved(inner[1] if self._holds(inner[0]) else inner[2])
            if tag == "!GetAtt":
                return inner
        items_of = {name: self._resolved(inner) for name, inner in value.items()}
        return {name: inner for name, inner in items_of.items() if inner is not _NOTHING}

    def _holds(self, condition: str | Mapping[str, Any]) -> bool:
        if isinstance(condition, str):
            return self._holds(self._template["Conditions"][condition])
        ((tag, inner),) = condition.items()
        if tag == "Condition":
            return self._holds(inner)
        if tag == "!Equals":
            one, other = (str(self._resolved(side)) for side in inner)
            return one == other
        if tag == "!Not":
            return not self._holds(inner[0])
        assert tag == "!Or"
        return any(self._holds(part) for part in inner)
