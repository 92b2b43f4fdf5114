"""Load tools, each with the one way it is run here and how its output is read."""

from benchmarks.comparators.comparator import Comparator, Load, Outcome
from benchmarks.comparators.hey import Hey
from benchmarks.comparators.k6 import K6
from benchmarks.comparators.locust import Locust
from benchmarks.comparators.oha import Oha
from benchmarks.comparators.squall import SquallEngine
from benchmarks.comparators.vegeta import Vegeta
from benchmarks.comparators.wrk import Wrk, Wrk2, WrkConstant

__all__ = [
    "K6",
    "Comparator",
    "Hey",
    "Load",
    "Locust",
    "Oha",
    "Outcome",
    "SquallEngine",
    "Vegeta",
    "Wrk",
    "Wrk2",
    "WrkConstant",
]
