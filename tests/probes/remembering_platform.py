"""A platform that answers for customers as docs/platform-api.md says, from a list of decisions."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import orjson
from tests.targets.servers import http_server, response

from squall.load_generator.transactions import FactorySpec
from squall.models import Accounting, transaction_id
from squall.probes.customers import Customers
from squall.targets.installation import Installation

RUN = "abcdefgh"
STARTED_S = 1_780_000_000.0
SOURCE = FactorySpec(seed=3, planned=2_000, epoch_s=STARTED_S)
ACCOUNTING = Accounting(planned=0, accepted=0, rejected=0, indeterminate=0, not_sent=0)
WORDS = ("APPROVE", "REVIEW", "DECLINE")


@dataclass
class RememberingPlatform:
    """``decisions`` are (customer, id, word, amount)."""

    decisions: list[tuple[str, str, str, int]] = field(default_factory=list)
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    page: int = 70

    def decide(self, count: int) -> None:
        """Decide the first arrivals of the run, each id once."""
        users = Customers(SOURCE, RUN).of(np.arange(count, dtype=np.int64))
        for index, user in enumerate(users):
            if user is not None:
                word = WORDS[index % 7 % 3]
                self.decisions.append((user, transaction_id(RUN, index), word, 100 + index))
        for user in {user for user, *_ in self.decisions}:
            self.profiles[user] = self.profile(user)

    def profile(self, user: str) -> dict[str, Any]:
        """What should be remembered of a customer."""
        ours = [one for one in self.decisions if one[0] == user]
        words = Counter(word for _, _, word, _ in ours)
        return {
            "user_id": user,
            "known_since_s": STARTED_S + 1,
            "transactions": len(ours),
            "decisions": {word: words[word] for word in WORDS},
            "recent": [
                {"transaction_id": name, "decision": word, "amount": amount, "currency": "EUR"}
                for _, name, word, amount in reversed(ours[-3:])
            ],
            "habits": {"cards": 1},
        }

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Installation]:
        async with http_server(self._respond) as port:
            yield Installation(platform_url=f"http://127.0.0.1:{port}")

    def _respond(self, target: str, _: dict[str, str]) -> bytes:
        parts = urlsplit(target)
        if parts.path.startswith("/v1/customers/"):
            user = unquote(parts.path.removeprefix("/v1/customers/"))
            self.asked.append(user)
            found = self.profiles.get(user)
            if found is None:
                return response(404, b'{"error":{"message":"nothing about this customer"}}')
            return response(200, orjson.dumps(found))
        if parts.path == "/v1/decisions":
            asked = parse_qs(parts.query)
            assert asked["run"] == [RUN]
            start = int(asked["cursor"][0])
            rows = self.decisions[start : start + self.page]
            following = start + self.page if start + self.page < len(self.decisions) else None
            items = [
                {"transaction_id": name, "decision": word, "amount": amount}
                for _, name, word, amount in rows
            ]
            return response(200, orjson.dumps({"items": items, "next_cursor": following}))
        return response(404, b'{"error":{"message":"there is nothing at this path"}}')
