"""The routes: what each request is answered with. ``docs/platform-api.md`` is the contract."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from fraud_platform.core.verdicts import detail_body
from fraud_platform.errors import LinkError, StoreError
from fraud_platform.gateway.agent_dashboard_api import AgentDashboardAPI
from fraud_platform.gateway.asker import Asker, Decider, DecisionReads
from fraud_platform.gateway.batch import BATCH_LIMIT, BatchReply
from fraud_platform.gateway.disturbances import PATH as DISTURBANCES
from fraud_platform.gateway.disturbances import Disturbances, Disturber
from fraud_platform.gateway.http import HttpConnection, Reply
from fraud_platform.learning.model import AGENTS
from fraud_platform.monitoring.prometheus import CONTENT_TYPE, metrics_text
from fraud_platform.store.reader import PAGE_LIMIT
from fraud_platform.wire.answers import error_body
from fraud_platform.wire.validation import Problem, Refusal, Validator

BODY_LIMIT = 16 * 1024
"""Most bytes of one transaction."""
BATCH_BODY_LIMIT = BATCH_LIMIT * BODY_LIMIT
_DEFAULT_PAGE = 5_000
DETAILS_LIMIT = 2_000
"""Most rows in one page of whole decisions."""
_SORTED = orjson.OPT_SORT_KEYS
_SHUTTING_DOWN = Problem("shutting_down", "the platform is shutting down", "")


class _Single:
    """Waits for the answer to a transaction that came by itself."""

    __slots__ = ("_answers", "_reply")

    def __init__(self, reply: Reply, answers: dict[int, int]) -> None:
        self._reply = reply
        self._answers = answers

    def answered(self, status: int, replay: bool, body: bytes) -> None:
        self._answers[status] = self._answers.get(status, 0) + 1
        self._reply.send(status, body, replay=replay)


class Service:
    """Answers requests; the ``Application`` behind every connection."""

    def __init__(
        self,
        core: Decider,
        reads: DecisionReads,
        validator: Validator,
        answers: dict[int, int],
        wall_clock: Callable[[], float] = time.time,
        disturber: Disturber | None = None,
    ) -> None:
        self._core = core
        self._disturbances = Disturbances(disturber, AGENTS)
        self._reads = reads
        self._validator = validator
        self._wall_clock = wall_clock
        self._dashboard = AgentDashboardAPI(core)
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers = answers
        """Answers to transactions by status."""
        self.connections: set[HttpConnection] = set()
        self.to_release = 0
        """Connections that are to end with their next answers."""
        self.draining = False

    # --- Application ----------------------------------------------------------------------

    def handle(self, method: bytes, target: bytes, body: bytes, reply: Reply) -> None:
        """Answer one request through ``reply``, now or later."""
        if target == b"/v1/transactions":
            if method == b"POST":
                self._transaction(body, _Single(reply, self._answers))
            else:
                reply.problem(405, "method_not_allowed", "use POST", allow=b"POST")
            return
        path, _, query = target.partition(b"?")
        if path == b"/v1/transactions/batch":
            if method == b"POST":
                self._batch(body, reply)
            else:
                reply.problem(405, "method_not_allowed", "use POST", allow=b"POST")
            return
        if path == DISTURBANCES or path.startswith(DISTURBANCES + b"/"):
            self._spawn(_guarded(self._control(method, path, body, reply), reply))
            return
        work = self._read(path, query.decode("latin-1"), reply)
        if work is None:
            reply.problem(404, "not_found", "there is nothing at this path")
        elif method != b"GET":
            work.close()
            reply.problem(405, "method_not_allowed", "use GET", allow=b"GET")
        else:
            self._spawn(_guarded(work, reply))

    def body_limit(self, target: bytes) -> int:
        """Most bytes of a body sent to ``target``."""
        return BATCH_BODY_LIMIT if target == b"/v1/transactions/batch" else BODY_LIMIT

    def opened(self, connection: HttpConnection) -> None:
        """A connection was made."""
        self.connections.add(connection)
        connection.draining = self.draining

    def closed(self, connection: HttpConnection) -> None:
        """A connection has ended."""
        self.connections.discard(connection)

    def released(self) -> None:
        """One of those that were to end does."""
        self.to_release -= 1

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold a task until it is done."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def drain(self) -> None:
        """Take in nothing more; answer what is on its way."""
        self.draining = True
        for connection in list(self.connections):
            connection.drain()

    # --- transactions ---------------------------------------------------------------------

    def _transaction(self, body: bytes, asker: Asker) -> None:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            problem = Problem("malformed_json", f"the body is not JSON: {error}", "")
            asker.answered(400, False, error_body([problem]))
            return
        self._decide(document, b"\\" in body, asker)

    def _decide(self, document: Any, escaped: bool, asker: Asker) -> None:
        try:
            content = orjson.dumps(document, option=_SORTED)
        except orjson.JSONEncodeError:  # nested deeper than it can write
            problem = Problem("malformed_json", "the body is nested too deeply", "")
            asker.answered(400, False, error_body([problem]))
            return
        if len(content) > BODY_LIMIT:
            problem = Problem("body_too_large", f"over {BODY_LIMIT} bytes", "")
            asker.answered(413, False, error_body([problem]))
            return
        digest = blake2b(content, digest_size=16).digest()
        read = self._validator.read(document, digest, self._wall_clock(), escaped)
        if isinstance(read, Refusal):
            asker.answered(read.status, False, error_body(read.problems))
            return
        if self.draining:
            turned_away: Problem | None = _SHUTTING_DOWN
        else:
            turned_away = self._core.submit(read, asker)
        if turned_away is not None:
            asker.answered(503, False, error_body([turned_away]))

    def _batch(self, body: bytes, reply: Reply) -> None:
        try:
            documents = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            reply.problem(400, "malformed_json", f"the body is not JSON: {error}")
            return
        if type(documents) is not list:
            reply.problem(422, "not_an_array", "a batch is one JSON array of transactions")
            return
        if len(documents) > BATCH_LIMIT:
            message = f"{len(documents)} transactions; at most {BATCH_LIMIT} fit one batch"
            reply.problem(413, "batch_too_large", message)
            return
        batch = BatchReply(reply, len(documents), self._answers)
        escaped = b"\\" in body
        for place, document in enumerate(documents):
            item = batch.item(place)
            self._decide(document, escaped, item)

    # --- reading --------------------------------------------------------------------------

    def _read(self, path: bytes, query: str, reply: Reply) -> Coroutine[Any, Any, None] | None:
        """The work of a GET; None where there is nothing at this path."""
        if path == b"/health":
            return self._health(reply)
        if path == b"/metrics":
            return self._metrics(reply)
        if path == b"/v1/agents":
            return self._agents(reply)
        if path == b"/v1/decisions":
            return self._decisions(query, reply)
        prefix = b"/v1/transactions/"
        if path.startswith(prefix) and len(path) > len(prefix):
            return self._detail(_name(path, prefix), reply)
        prefix = b"/v1/customers/"
        if path.startswith(prefix) and len(path) > len(prefix):
            return self._customer(_name(path, prefix), reply)
        return None

    async def _health(self, reply: Reply) -> None:
        if self.draining:
            reply.send(503, b'{"status":"shutting down"}')
        elif not self._core.connected:
            reply.send(503, b'{"status":"the deciding process is being restarted"}')
        elif self._core.latest.get("store_failing"):
            reply.send(503, orjson.dumps({"status": self._core.latest["store_failing"]}))
        else:
            reply.send(200, b'{"status":"ok"}')

    async def _metrics(self, reply: Reply) -> None:
        figures = await self._core.figures()
        reply.send(200, metrics_text(figures), content_type=CONTENT_TYPE)

    async def _agents(self, reply: Reply) -> None:
        reply.send(200, await self._dashboard.document())

    async def _control(self, method: bytes, path: bytes, body: bytes, reply: Reply) -> None:
        reply.send(*await self._disturbances.answer(method, path, body))

    async def _decisions(self, query: str, reply: Reply) -> None:
        asked = {key: values[-1] for key, values in parse_qs(query).items()}
        run = asked.get("run", "")
        details = asked.get("details", "0")
        most = DETAILS_LIMIT if details == "1" else PAGE_LIMIT
        cursor = asked.get("cursor", "0")
        limit = asked.get("limit", str(min(most, _DEFAULT_PAGE)))
        if not run:
            reply.problem(422, "field_missing", "run is missing; write ?run=TAG")
        elif not self._reads.is_cursor(cursor):
            reply.problem(422, "field_value", "cursor must be a next_cursor, or 0")
        elif details not in ("0", "1"):
            reply.problem(422, "field_value", "details must be 1 or 0")
        elif not _is_number(limit, most) or int(limit) == 0:
            reply.problem(422, "field_value", f"limit must be 1 to {most}")
        else:
            whole = details == "1"
            reply.send(200, await self._reads.page(run, cursor, int(limit), whole))

    async def _detail(self, transaction_id: str, reply: Reply) -> None:
        found = await self._reads.detail(transaction_id)
        if found is None:
            reply.problem(404, "not_found", "no decision was made on this id")
        else:
            reply.send(200, detail_body(AGENTS, *found))

    async def _customer(self, user: str, reply: Reply) -> None:
        found = await self._reads.customer(user)
        if found is None:
            reply.problem(404, "not_found", "nothing was decided for this customer")
        else:
            reply.send(200, found)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.keep(asyncio.get_running_loop().create_task(work))


def _name(path: bytes, prefix: bytes) -> str:
    """What stands behind ``prefix``."""
    return unquote(path[len(prefix) :].decode("latin-1"))


async def _guarded(work: Coroutine[Any, Any, None], reply: Reply) -> None:
    """Whatever a read runs into becomes an answer."""
    try:
        await work
    except LinkError as error:
        reply.problem(503, "core_unavailable", str(error))
    except StoreError as error:
        reply.problem(503, "store_unavailable", str(error))


def _is_number(text: str, highest: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= highest
