"""Statistics of a table of transactions beside the values that they were made to meet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from squall.errors import DataFileError
from squall.load_generator.transactions.hashing import F64
from squall.load_generator.transactions.places import load_currencies
from squall.load_generator.transactions.timeline import MONTH_DAYS

NEEDED = (
    "user_id",
    "amount",
    "currency",
    "timestamp",
    "country",
    "city",
    "billing_country",
    "channel",
    "merchant_id",
    "merchant_category",
)
"""Columns that the statistics are made from; ``label`` and ``typology`` are used where present."""

_OWN = "own choice"
_STEADY_PAYMENTS = 20  # fewer do not tell where a customer is at home

Texts = NDArray[np.object_]
Columns = dict[str, Texts]


@dataclass(frozen=True, slots=True)
class Statistic:
    """One measured figure; ``aim`` and ``source`` are empty where there is none to meet.

    ``source`` names who published the aim; where nobody is named it is the product's own choice.
    """

    name: str
    measured: str
    aim: str = ""
    source: str = ""


def statistics(table: pa.Table, where: str) -> list[Statistic]:
    """The statistics of a table with the columns of ``docs/transactions.md``.

    Raises:
        DataFileError: where a needed column is missing.
    """
    missing = [name for name in NEEDED if name not in table.column_names]
    if missing:
        raise DataFileError(f"{where}: has no column {', '.join(missing)}; describe needs it")
    columns = {
        name: np.array(table.column(name).to_pylist(), object)
        for name in (*NEEDED, "label", "typology")
        if name in table.column_names
    }
    found = [Statistic("transactions", f"{table.num_rows:,}")]
    if "label" in columns:
        found += _mix(columns)
        columns = _only(columns, columns["label"] == "legitimate")
        if not len(columns["label"]):
            raise DataFileError(f"{where}: has no legitimate transactions to describe")
    return [
        *found,
        *_activity(columns),
        *_amounts(columns),
        *_movement(columns),
        *_popularity(columns),
    ]


def _only(columns: Columns, mask: NDArray[np.bool_]) -> Columns:
    return {name: values[mask] for name, values in columns.items()}


def _mix(columns: Columns) -> list[Statistic]:
    label = columns["label"]
    share = {word: float((label == word).mean()) for word in ("legitimate", "fraud", "edge_case")}
    valid = _only(columns, label != "edge_case")
    usd = _usd(valid)
    by_value = usd[valid["label"] == "fraud"].sum() / max(usd.sum(), 1e-9)
    typologies = set(columns.get("typology", np.array([], object))) - {"none", None}
    return [
        Statistic("legitimate", f"{share['legitimate']:.2%}", "80 % in the stress mix", _OWN),
        Statistic(
            "fraud, by count",
            f"{share['fraud']:.3%}",
            "0.015 %, 0.1 % or 15 %",
            "EEA cards 2024 (secondary source); Stripe (order of magnitude); own stress mix",
        ),
        Statistic(
            "fraud, by value",
            f"{by_value:.3%}",
            "0.176 %",
            "US debit cards 2023, Federal Reserve (secondary source); not for the stress mix",
        ),
        Statistic("edge cases", f"{share['edge_case']:.2%}", "5 % in the stress mix", _OWN),
        Statistic("typologies", str(len(typologies)), "13", _OWN),
    ]


def _activity(columns: Columns) -> list[Statistic]:
    payments = Counter(columns["user_id"].tolist())
    counts = np.sort(np.array(list(payments.values()), np.float64))
    stamps = [str(stamp)[:19] for stamp in columns["timestamp"]]
    length = np.datetime64(max(stamps)) - np.datetime64(min(stamps))
    days = float(length / np.timedelta64(86_400, "s"))
    monthly = counts.mean() / max(days, 1e-9) * MONTH_DAYS
    top = counts[-max(1, len(counts) // 4) :].sum() / counts.sum()
    return [
        Statistic("customers seen", f"{len(counts):,}"),
        Statistic("days of event time", f"{days:.1f}"),
        Statistic(
            "payments per customer seen and month",
            f"{monthly:.0f}",
            "48 per consumer",
            "Atlanta Fed, 2024",
        ),
        Statistic("share of the most active quarter", f"{top:.0%}", "80 %", _OWN),
        Statistic("Gini coefficient of activity", f"{gini(counts):.2f}", "0.70", _OWN),
    ]


def gini(ascending: F64) -> float:
    """Gini coefficient of ascending values: Σ(2i − n − 1)·xᵢ ÷ (n·Σx)."""
    n = len(ascending)
    rank = 2 * np.arange(1, n + 1) - n - 1
    return float((rank * ascending).sum() / (n * ascending.sum()))


def hill(values: F64) -> float:
    """Hill's estimate of the Pareto exponent of the largest 1 % (at least twenty values)."""
    top = np.sort(values)[-max(20, len(values) // 100) :]
    return float(1.0 / np.mean(np.log(top[1:] / top[0])))


def _usd(columns: Columns) -> F64:
    currencies = load_currencies()
    minor_per_usd = dict(zip(currencies.codes, currencies.minor_per_usd.tolist(), strict=True))
    pairs = zip(columns["amount"], columns["currency"], strict=True)
    return np.array(
        [max(amount or 0, 0) / minor_per_usd.get(code, np.inf) for amount, code in pairs]
    )


def _amounts(columns: Columns) -> list[Statistic]:
    cards = _only(columns, np.isin(columns["channel"], ["chip", "contactless", "online"]))
    usd = _usd(cards)
    if not len(usd):
        return []
    found = [
        Statistic("median card payment, US dollars", f"{np.median(usd):.2f}"),
        Statistic("mean card payment, US dollars", f"{usd.mean():.2f}"),
    ]
    american = cards["billing_country"] == "US"
    if american.any():
        name = "mean card payment of US customers"
        found.append(Statistic(name, f"{usd[american].mean():.2f}", "about 47", _OWN))
    groceries = usd[cards["merchant_category"] == "5411"]
    if len(groceries) > 2_000:
        name = "tail exponent of grocery amounts (Hill, top 1 %)"
        found.append(Statistic(name, f"{hill(groceries):.1f}", "2.5", _OWN))
    return found


def _movement(columns: Columns) -> list[Statistic]:
    """Where customers with enough payments are; the city they pay in most counts as home."""
    users = columns["user_id"].tolist()
    steady = {user for user, n in Counter(users).items() if n >= _STEADY_PAYMENTS}
    visits = Counter(zip(users, columns["city"].tolist(), strict=True))
    at_home: dict[object, int] = {}
    for (user, _), count in visits.items():
        at_home[user] = max(at_home.get(user, 0), count)
    mask = np.array([user in steady for user in users])
    if not mask.any():
        return []
    usual = sum(at_home[user] for user in steady) / mask.sum()
    abroad = (columns["country"] != columns["billing_country"])[mask].mean()
    return [
        Statistic("payments in the usual city", f"{usual:.0%}", "85 %", _OWN),
        Statistic("payments in another country", f"{abroad:.0%}", "5 % far, some near", _OWN),
    ]


def _popularity(columns: Columns) -> list[Statistic]:
    shops = Counter(columns["merchant_id"][columns["channel"] == "online"].tolist())
    top = np.array([count for _, count in shops.most_common(50)], np.float64)
    if len(top) < 20:
        return []
    slope = np.polyfit(np.log(np.arange(1, len(top) + 1)), np.log(top), 1)[0]
    return [Statistic("Zipf exponent of online shops (top 50)", f"{-slope:.2f}", "1", _OWN)]
