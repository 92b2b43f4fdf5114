from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest

from fraud_platform.gateway.disturbances import PATH, Disturbances, NotDisturbableError
from fraud_platform.learning.model import AGENTS


class Recorder:
    """A disturber that remembers."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}

    async def begin(self, what: Mapping[str, Any], lease_s: float) -> Mapping[str, Any]:
        if "gateway" in what:
            raise NotDisturbableError("there is one gateway only")
        self.held["d1"] = {"id": "d1", **what, "left_s": lease_s}
        return self.held["d1"]

    async def renew(self, name: str, lease_s: float) -> Mapping[str, Any] | None:
        if name in self.held:
            self.held[name]["left_s"] = lease_s
        return self.held.get(name)

    async def end(self, name: str) -> bool:
        return self.held.pop(name, None) is not None

    async def in_force(self) -> Sequence[Mapping[str, Any]]:
        return list(self.held.values())


async def ask(
    control: Disturbances, method: str, path: str = "", document: object = None
) -> tuple[int, Any]:
    body = b"" if document is None else orjson.dumps(document)
    status, answer = await control.answer(method.encode(), PATH + path.encode(), body)
    return status, orjson.loads(answer)


async def test_a_disturbance_from_its_beginning_to_its_end() -> None:
    control = Disturbances(Recorder(), AGENTS)
    what = {"agent": "pattern_detector", "delay_ms": 800.0}
    begun = {"id": "d1", **what, "left_s": 15.0}
    assert await ask(control, "POST", "", {**what, "lease_s": 15}) == (201, begun)
    assert await ask(control, "GET") == (200, {"disturbances": [begun]})
    renewed = {**begun, "left_s": 20.0}
    assert await ask(control, "POST", "/d1/renew", {"lease_s": 20}) == (200, renewed)
    assert await ask(control, "DELETE", "/d1") == (200, {"ended": "d1"})
    for method, path in (("DELETE", "/d1"), ("POST", "/d1/renew")):
        status, refused = await ask(control, method, path, {"lease_s": 20})
        assert (status, refused["error"]["code"]) == (404, "no_such_disturbance")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_it_is_refused_where_it_was_not_allowed(method: str) -> None:
    status, refused = await ask(Disturbances(None, AGENTS), method)
    assert (status, refused["error"]["code"]) == (403, "disturbance_not_allowed")
    assert "--allow-disturbance" in refused["error"]["message"]


async def test_what_cannot_be_disturbed_here_is_said() -> None:
    away = {"gateway": "away", "lease_s": 5}
    status, refused = await ask(Disturbances(Recorder(), AGENTS), "POST", "", away)
    assert (status, refused["error"]["code"]) == (409, "not_disturbable")
    assert refused["error"]["message"] == "there is one gateway only"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"agent": "nobody", "fails": True, "lease_s": 5}, "agent"),
        ({"agent": ["compliance"], "fails": True, "lease_s": 5}, "agent"),
        ({"fails": True, "lease_s": 5}, "agent"),
        ({"agent": "compliance", "lease_s": 5}, "delay_ms"),
        ({"agent": "compliance", "fails": True, "delay_ms": 5, "lease_s": 5}, "delay_ms"),
        ({"agent": "compliance", "fails": "yes", "lease_s": 5}, "fails"),
        ({"agent": "compliance", "fails": True, "delay_ms_max": 5, "lease_s": 5}, "delay_ms_max"),
        ({"agent": "compliance", "delay_ms": 0, "lease_s": 5}, "delay_ms"),
        ({"agent": "compliance", "delay_ms": True, "lease_s": 5}, "delay_ms"),
        ({"agent": "compliance", "delay_ms": 60_001, "lease_s": 5}, "delay_ms"),
        ({"agent": "compliance", "delay_ms": 9, "delay_ms_max": 8, "lease_s": 5}, "delay_ms_max"),
        ({"agent": "compliance", "fails": True}, "lease_s"),
        ({"agent": "compliance", "fails": True, "lease_s": -1}, "lease_s"),
        ({"agent": "compliance", "fails": True, "lease_s": 3601}, "lease_s"),
        ({"agent": "compliance", "fails": True, "lease_s": 5, "why": "x"}, "why"),
        ({"gateway": "gone", "lease_s": 5}, "gateway"),
        ({"gateway": "away", "agent": "compliance", "lease_s": 5}, "gateway"),
    ],
)
async def test_a_bad_request_names_its_field(document: object, field: str) -> None:
    disturber = Recorder()
    status, refused = await ask(Disturbances(disturber, AGENTS), "POST", "", document)
    assert (status, refused["error"]["code"]) == (422, "field_value")
    assert refused["error"]["field"] == field
    assert not disturber.held


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff"])
async def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    status, answer = await Disturbances(Recorder(), AGENTS).answer(b"POST", PATH, body)
    assert (status, orjson.loads(answer)["error"]["code"]) == (400, "malformed_json")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", ""), ("DELETE", ""), ("GET", "/d1"), ("POST", "/d1"), ("POST", "/d1/renew/more")],
)
async def test_other_paths_lead_nowhere(method: str, path: str) -> None:
    status, refused = await ask(Disturbances(Recorder(), AGENTS), method, path)
    assert (status, refused["error"]["code"]) == (404, "not_found")
