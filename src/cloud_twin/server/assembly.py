"""The one place that knows all services: made, joined, put behind one port."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from cloud_twin.clock import Clock
from cloud_twin.faults import FaultBook, PlannedCalls
from cloud_twin.meter import Meter
from cloud_twin.ports import InnerCalls
from cloud_twin.server.attempts import Attempts
from cloud_twin.server.bindings import Bindings
from cloud_twin.server.control import Control
from cloud_twin.server.dispatch import Dispatcher
from cloud_twin.server.estate import Estate
from cloud_twin.server.exchange import Floor
from cloud_twin.server.moto_bridge import MotoBridge
from cloud_twin.server.reply import HttpDate
from cloud_twin.service import Service, Surroundings
from cloud_twin.services.bedrock import Bedrock
from cloud_twin.services.cloudwatch import CloudWatch
from cloud_twin.services.dynamodb import DynamoDb
from cloud_twin.services.kinesis import Kinesis
from cloud_twin.services.lambda_ import Lambda, LambdaOptions
from cloud_twin.services.s3 import S3
from cloud_twin.services.sqs import Sqs


@dataclass(frozen=True, slots=True)
class Twin:
    """Everything behind the port."""

    dispatcher: Dispatcher
    estate: Estate
    moto: MotoBridge
    tasks: set[asyncio.Task[None]]

    async def close(self) -> None:
        """End running calls, services and moto."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.gather(self.estate.close(), self.moto.close())


def assemble(clock: Clock, seed: int) -> Twin:
    """Make all services and what is around them."""
    meter = Meter()
    faults = FaultBook(clock)
    attempts = Attempts(clock)
    date = HttpDate()
    moto = MotoBridge(date)
    made = make_services(clock, meter, seed, PlannedCalls(faults))
    services = made.services
    estate = Estate(services, clock, meter, faults, attempts, moto.reset)
    floor = Floor(clock, faults, attempts, date, set())
    bindings = Bindings(services, moto)
    control = Control(
        estate,
        meter,
        faults,
        attempts,
        date,
        lambda: moto.state,
        made.functions,
        made.streams,
        bindings.operations(),
    )
    dispatcher = Dispatcher(floor, bindings, control, moto)
    return Twin(dispatcher, estate, moto, floor.tasks)


@dataclass(frozen=True, slots=True)
class Made:
    """All services, those that need others after them; and two that are asked for more."""

    services: list[Service]
    functions: Lambda
    streams: Kinesis


def make_services(clock: Clock, meter: Meter, seed: int, calls: InnerCalls) -> Made:
    """Every service, joined to those that it needs."""
    metrics = CloudWatch(clock, meter)

    def surroundings(service: str) -> Surroundings:
        return Surroundings(clock, meter, metrics, random.Random(f"{seed}/{service}"))

    kinesis = Kinesis(surroundings("kinesis"), calls)
    sqs = Sqs(surroundings("sqs"))
    s3 = S3(surroundings("s3"))
    functions = Lambda(surroundings("lambda"), kinesis, sqs, LambdaOptions(code_store=s3), calls)
    services: list[Service] = [
        metrics,
        kinesis,
        sqs,
        DynamoDb(surroundings("dynamodb")),
        s3,
        Bedrock(surroundings("bedrock")),
        functions,
    ]
    return Made(services, functions, kinesis)
