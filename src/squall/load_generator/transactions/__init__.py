"""Transactions to send: made from a seed, or replayed from a user's file."""

from squall.load_generator.transactions.factory import (
    FIELDS,
    FactorySpec,
    TransactionFactory,
    fit_population,
)
from squall.load_generator.transactions.mixes import MIXES, mix_named
from squall.load_generator.transactions.replay import ReplaySource, ReplaySpec

__all__ = [
    "FIELDS",
    "MIXES",
    "FactorySpec",
    "ReplaySource",
    "ReplaySpec",
    "TransactionFactory",
    "fit_population",
    "mix_named",
]
