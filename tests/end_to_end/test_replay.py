"""A user's own transactions against a service of their own: real commands, known answers."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.end_to_end.test_main_job import finished, squall

ROUNDS = 15
"""The plan goes round the twenty rows so often: 100 TPS for three seconds."""

SCENARIO = """\
name: own
title: Own transactions
why: The figures are known beforehand.
load: {type: sustained, name: hold, rate_tps: 100, duration_s: 3}
client: {connections: 4}
criteria:
  - accounting.reconciled
  - error_rate == 0
  - detection.recall >= 75 %
"""

TARGET = """\
name: rules
url: http://127.0.0.1:{port}
request:
  path: /checks
  body: {{id: "${{transaction_id}}", rule: "${{rule}}"{amount}}}
answer:
  id: id
  decision: verdict
  decisions: {{approve: [yes], decline: [no]}}
seen:
  path: /checks?run=${{run_tag}}&after=${{cursor}}
  items: items
  id: id
  amount: amount
  next_cursor: next
"""


class _Rules(BaseHTTPRequestHandler):
    """Decides as a payment's field ``rule`` says, and hands out what it decided."""

    protocol_version = "HTTP/1.1"
    server: _Service

    def do_POST(self) -> None:
        payment = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        # Whoever sends no amount has it looked up: it is in the records all the same.
        cents = round(100 * payment.get("amount", 42))
        self.server.records.append({"id": payment["id"], "amount": cents})
        self._answer({"id": payment["id"], "verdict": payment["rule"]})

    def do_GET(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        first = int(query.get("after", "0"))  # a target is also asked before a run, with nothing
        run = [r for r in self.server.records if r["id"].startswith(query.get("run", ""))]
        more = first + 100 < len(run)
        self._answer({"items": run[first : first + 100], "next": first + 100 if more else None})

    def _answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


class _Service(ThreadingHTTPServer):
    daemon_threads = True
    disable_nagle_algorithm = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Rules)
        self.records: list[dict[str, Any]] = []


@pytest.fixture
def service() -> Iterator[_Service]:
    with _Service() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def _rows() -> list[dict[str, str]]:
    """Five frauds of which four are declined; fifteen others of which three are."""
    return [
        {
            "id": f"own-{number}",
            "amount": "12.50" if number < 5 else "40.00",
            "currency": "USD",
            "is_fraud": str(int(number < 5)),
            "rule": "no" if number < 4 or number >= 17 else "yes",
        }
        for number in range(20)
    ]


def _run(tmp_path: Path, service: _Service, *columns: str) -> tuple[int, dict[str, Any], str]:
    """One replay of these columns; the amount is sent if it is among them."""
    with (tmp_path / "own.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(_rows())
    amount = ', amount: "${amount}"' if "amount" in columns else ""
    port = service.server_address[1]
    (tmp_path / "target.yaml").write_text(TARGET.format(port=port, amount=amount))
    (tmp_path / "own.yaml").write_text(SCENARIO)
    arguments = ["run", "own.yaml", "--target", "target.yaml", "--replay", "own.csv"]
    arguments += ["--workers", "1", "--json", "r.json", "--report", "report"]
    return finished(squall(arguments, tmp_path), tmp_path)


def test_labelled_transactions_are_judged_by_their_labels(
    tmp_path: Path, service: _Service
) -> None:
    status, result, text = _run(tmp_path, service, "id", "amount", "currency", "is_fraud", "rule")
    limited = result["generator"]["limited"]  # another program may have taken this machine's cores
    assert status == (3 if limited else 0), text
    accounting, detection, money = (result[p] for p in ("accounting", "detection", "business"))
    assert accounting["accepted"] == accounting["seen"] == len(service.records) == 20 * ROUNDS
    assert accounting["amount_difference_minor"] == 0
    assert accounting["reconciled"] is True
    assert (detection["fraud"], detection["legitimate"]) == (5 * ROUNDS, 15 * ROUNDS)
    assert (detection["recall"], detection["false_positive_rate"]) == (0.8, 0.2)
    assert detection["accuracy"] == 0.8
    assert {name: t["detected"] for name, t in detection["by_typology"].items()} == {
        "unnamed": 4 * ROUNDS
    }
    assert sum(second["fraud_detected"] for second in result["seconds"]) == 4 * ROUNDS
    assert money["processed_value"] == ROUNDS * (5 * 12.5 + 15 * 40)
    assert (money["fraud_value"], money["fraud_value_stopped"]) == (ROUNDS * 62.5, ROUNDS * 50)
    assert money["legitimate_value_declined"] == ROUNDS * 120
    assert "80.0 % of fraud found" in text


def test_nothing_is_said_of_what_the_file_does_not_say(tmp_path: Path, service: _Service) -> None:
    status, result, text = _run(tmp_path, service, "id", "rule")
    accounting, detection, money = (result[p] for p in ("accounting", "detection", "business"))
    assert accounting["seen"] == 20 * ROUNDS
    assert accounting["lost"] == 0
    assert accounting["amount_difference_minor"] is None
    assert accounting["reconciled"] is True
    assert {detection[f] for f in ("fraud", "legitimate", "recall", "accuracy")} == {None}
    assert detection["false_positive_rate"] is None
    assert {value for name, value in money.items() if name.endswith(("value", "declined"))} == {
        None
    }
    (unmet,) = (one for one in result["criteria"] if one["passed"] is not True)
    assert (unmet["expression"], unmet["passed"]) == ("detection.recall >= 75 %", None)
    assert "label" in unmet["detail"]
    assert status == (3 if result["generator"]["limited"] else 1), text
    page = next((tmp_path / "report").rglob("report.html")).read_text()
    for shown in (text, page):
        assert "own.csv has no labels" in shown
        assert "own.csv has no column amount" in shown
        assert "not measured: no transaction with a label" in " ".join(shown.split())


def test_a_currency_without_a_rate_is_refused_before_anything_is_sent(
    tmp_path: Path, service: _Service
) -> None:
    (tmp_path / "own.csv").write_text("amount,currency\n12.50,USD\n3.00,XBT\n")
    arguments = ["run", "smoke", "--replay", "own.csv", "--json", "r.json"]
    run = squall(arguments, tmp_path)
    text, _ = run.communicate(timeout=60)
    assert run.returncode == 2
    assert "own.csv: row 2: column currency: 'XBT' has no exchange rate" in " ".join(text.split())
    assert "Traceback" not in text
    assert service.records == []
