"""More than the generator can do: the run says so, and nothing of its target."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.test_main_job import finished, squall

from squall.cli.doctor.echo import echo_server

PLANNED = 1_000_000
"""In one second: several times what one worker can do on any machine."""

SCENARIO = f"""\
name: absurd
title: Absurd
why: To be more than one worker can send.
load: {{type: sustained, name: hold, rate_tps: {PLANNED}, duration_s: 1}}
client: {{connections: 16, queue_limit: 1000}}
population: 2000
drain_s: 2
criteria:
  - error_rate < 1 %
"""

TARGET = """\
name: echo
url: {url}
request:
  path: /
  body: {{transaction_id: "${{transaction_id}}"}}
answer:
  id: transaction_id
  decision: decision
  decisions: {{approve: [APPROVE]}}
  score: risk_score
"""


def test_a_plan_above_the_generators_ceiling_is_invalid_with_status_3(tmp_path: Path) -> None:
    (tmp_path / "absurd.yaml").write_text(SCENARIO)
    with echo_server() as url:
        (tmp_path / "target.yaml").write_text(TARGET.format(url=url))
        arguments = ["run", "absurd.yaml", "--target", "target.yaml", "--workers", "1"]
        arguments += ["--json", "r.json", "--no-report"]
        status, result, text = finished(squall(arguments, tmp_path), tmp_path)
    assert (status, result["verdict"]) == (3, "invalid"), text
    generator, accounting = result["generator"], result["accounting"]
    assert generator["limited"] is True
    assert 0 < generator["calibrated_tps"] < PLANNED
    assert "Not valid" in text
    assert result["criteria"][0]["passed"] is False
    assert accounting["planned"] == PLANNED
    assert 0 < accounting["not_sent"] < PLANNED
