"""Locust's FastHttpUser with a body per request and a checked decision.

Writes one JSON line at the end. Run by Locust in its own environment, not by squall's.
"""

import itertools
import json
import os
import random
from typing import Any

from locust import (  # type: ignore[import-not-found]
    constant,
    constant_throughput,
    events,
    task,
)
from locust.contrib.fasthttp import FastHttpUser  # type: ignore[import-not-found]

RATE_PER_USER = float(os.environ.get("BENCH_RATE_PER_USER", "0"))
count = itertools.count()


class Payer(FastHttpUser):  # type: ignore[misc]
    """Sends transactions as fast as it may."""

    wait_time = constant_throughput(RATE_PER_USER) if RATE_PER_USER else constant(0)
    network_timeout = 60.0
    connection_timeout = 60.0

    @task  # type: ignore[untyped-decorator]
    def pay(self) -> None:
        """One transaction."""
        body = {
            "transaction_id": f"t-{next(count):012d}",
            "user_id": f"u-{random.randrange(10**6):08d}",
            "merchant_id": f"m-{random.randrange(10**6):06d}",
            "amount": round(random.lognormvariate(3.5, 1.2), 2),
            "currency": "EUR",
            "country": "DE",
            "city": "Berlin",
            "lat": 52.52,
            "lon": 13.40,
            "mcc": "5411",
            "channel": "card_present",
            "device_id": "d-99812",
            "ip": "91.12.33.4",
            "timestamp": "2026-11-23T12:00:00.000Z",
        }
        with self.client.post("/tx", json=body, catch_response=True) as response:
            if response.json()["decision"] != "APPROVE":
                response.failure("wrong decision")


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def report(environment: Any, **_: Any) -> None:
    """The report line."""
    total = environment.stats.total
    line = {
        "requests": total.num_requests,
        "failed": total.num_failures,
        "percentiles": {
            str(p): total.get_response_time_percentile(p / 100) for p in (50, 90, 95, 99, 99.9)
        },
    }
    print("BENCH " + json.dumps(line), flush=True)
