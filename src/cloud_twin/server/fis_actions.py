"""FIS's list of actions, which moto does not have. Everything else of FIS is moto's.

Action ids are looked up through it before an experiment is planned, as on AWS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cloud_twin.errors import AwsError
from cloud_twin.server.fis_catalogue import Action, actions
from cloud_twin.service import Answer, Call, Route, arn

PAGE_MAX = 100

_COUNT = re.compile(r"[0-9]{1,4}")


class FisActions:
    """Handles ListActions and GetAction."""

    name = "fis"
    routes = (
        Route("GET", "/actions", "ListActions"),
        Route("GET", "/actions/{id}", "GetAction"),
    )

    def __init__(self) -> None:
        self._actions: Mapping[str, Action] = {action.id: action for action in actions()}

    def handle(self, call: Call) -> Answer:
        """Carry out one call. Raises ``AwsError``."""
        if call.operation == "ListActions":
            return Answer(self._list(call))
        action = self._actions.get(call.parameters["id"])
        if action is None:
            message = f"The action {call.parameters['id']} does not exist."
            raise AwsError("ResourceNotFoundException", message, 404)
        parameters = {
            name: {"required": required} for name, required in sorted(action.parameters.items())
        }
        return Answer({"action": {**_summary(action, call.region), "parameters": parameters}})

    def _list(self, call: Call) -> dict[str, Any]:
        """A page; its token is the id that the next one begins with."""
        wanted = str(call.parameters.get("maxResults", PAGE_MAX))
        if not (_COUNT.fullmatch(wanted) and 1 <= int(wanted) <= PAGE_MAX):
            raise AwsError("ValidationException", f"maxResults must be between 1 and {PAGE_MAX}.")
        ids = list(self._actions)
        token = str(call.parameters.get("nextToken", ids[0]))
        if token not in self._actions:
            raise AwsError("ValidationException", "The nextToken is not valid.")
        start = ids.index(token)
        end = start + int(wanted)
        page = [_summary(self._actions[each], call.region) for each in ids[start:end]]
        return {"actions": page, **({"nextToken": ids[end]} if end < len(ids) else {})}


def _summary(action: Action, region: str) -> dict[str, Any]:
    return {
        "id": action.id,
        "arn": arn("fis", region, f"action/{action.id}"),
        "description": action.description,
        "targets": {action.target: {"resourceType": action.resource_type}},
        "tags": {},
    }
