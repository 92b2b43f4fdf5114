"""Statistics of a table of transactions beside the values that they were made to meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from squall.errors import DataFileError
from squall.load_generator.transactions.places import load_currencies
from squall.load_generator.transactions.timeline import MONTH_DAYS

NEEDED = ("user_id", "amount", "currency", "timestamp", "country", "city", "billing_country",
          "channel", "merchant_id", "merchant_category")  # fmt: skip

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Statistic:
    """One measured figure; ``aim`` and ``source`` are empty where there is none to meet.

    ``source`` names who published the aim; where nobody is named it is the product's own choice.
    """

    name: str
    measured: str
    aim: str = ""
    source: str = ""


_OWN = "own choice"


def statistics(table: pa.Table, where: str) -> list[Statistic]:
    """The statistics of a table with the columns of ``docs/transactions.md``.

    Raises:
        DataFileError: where a needed column is missing.
    """
    missing = [name for name in NEEDED if name not in table.column_names]
    if missing:
        raise DataFileError(f"{where}: has no column {', '.join(missing)}; describe needs it")
    labelled = "label" in table.column_names
    found = [Statistic("transactions", f"{table.num_rows:,}")]
    if labelled:
        found += _mix(table)
        table = table.filter(pc.equal(table["label"], "legitimate"))
        if table.num_rows == 0:
            raise DataFileError(f"{where}: has no legitimate transactions to describe")
    return [*found, *_activity(table), *_amounts(table), *_movement(table), *_popularity(table)]


def _mix(table: pa.Table) -> list[Statistic]:
    counts = pc.value_counts(table["label"]).to_pylist()
    share = {c["values"]: c["counts"] / table.num_rows for c in counts}
    valid = table.filter(pc.not_equal(table["label"], "edge_case"))
    usd = _usd(valid)
    fraud = np.array([v == "fraud" for v in valid["label"].to_pylist()])
    by_value = usd[fraud].sum() / max(usd.sum(), 1e-9)
    return [
        Statistic("legitimate", f"{share.get('legitimate', 0):.2%}", "80 % in the stress mix", _OWN),
        Statistic(
            "fraud, by count", f"{share.get('fraud', 0):.3%}",
            "0.015 %, 0.1 % or 15 %",
            "EEA cards 2024 (secondary source); Stripe (order of magnitude); own stress mix",
        ),
        Statistic(
            "fraud, by value", f"{by_value:.3%}", "0.176 %",
            "US debit cards 2023, Federal Reserve (secondary source); not for the stress mix",
        ),
        Statistic("edge cases", f"{share.get('edge_case', 0):.2%}", "5 % in the stress mix", _OWN),
        Statistic("typologies", str(len(_words(table, "typology") - {"none"})), "13", _OWN),
    ]  # fmt: skip


def _words(table: pa.Table, name: str) -> set[str]:
    return set(table[name].unique().to_pylist()) if name in table.column_names else {"none"}


def _activity(table: pa.Table) -> list[Statistic]:
    counts = np.sort(
        np.array([c["counts"] for c in pc.value_counts(table["user_id"]).to_pylist()], float)
    )
    stamps = pc.utf8_slice_codeunits(table["timestamp"].cast(pa.string()), 0, 19)
    ends = pc.min_max(stamps).as_py()
    days = (np.datetime64(ends["max"]) - np.datetime64(ends["min"])) / np.timedelta64(1, "D")
    monthly = table.num_rows / len(counts) / max(float(days), 1e-9) * MONTH_DAYS
    top = counts[-max(1, len(counts) // 4) :].sum() / counts.sum()
    return [
        Statistic("customers seen", f"{len(counts):,}"),
        Statistic("days of event time", f"{days:.1f}"),
        Statistic(
            "payments per customer seen and month", f"{monthly:.0f}", "48 per consumer",
            "Atlanta Fed, 2024",
        ),
        Statistic(
            "share of the most active quarter", f"{top:.0%}", "80 %", _OWN,
        ),
        Statistic("Gini coefficient of activity", f"{gini(counts):.2f}", "0.70", _OWN),
    ]  # fmt: skip


def gini(counts: Floats) -> float:
    """Gini coefficient of ascending counts: Σ(2i − n − 1)x_i ÷ (n·Σx)."""
    n = len(counts)
    rank = 2 * np.arange(1, n + 1) - n - 1
    return float((rank * counts).sum() / (n * counts.sum()))


def _usd(table: pa.Table) -> Floats:
    currencies = load_currencies()
    per_usd = dict(zip(currencies.codes, currencies.minor_per_usd.tolist(), strict=True))
    amounts = table["amount"].to_pylist()
    codes = table["currency"].to_pylist()
    return np.array(
        [max(a or 0, 0) / per_usd.get(c, np.inf) for a, c in zip(amounts, codes, strict=True)]
    )


def _amounts(table: pa.Table) -> list[Statistic]:
    card = pc.is_in(table["channel"], pa.array(["chip", "contactless", "online"]))
    cards = table.filter(card)
    usd = _usd(cards)
    american = np.array([c == "US" for c in cards["billing_country"].to_pylist()])
    found = [
        Statistic("median card payment, US dollars", f"{np.median(usd):.2f}"),
        Statistic("mean card payment, US dollars", f"{usd.mean():.2f}"),
    ]
    if american.any():
        found.append(
            Statistic(
                "mean card payment of US customers", f"{usd[american].mean():.2f}", "about 47", _OWN,
            )
        )  # fmt: skip
    groceries = np.array([c == "5411" for c in cards["merchant_category"].to_pylist()])
    if groceries.sum() > 2_000:
        found.append(
            Statistic(
                "tail exponent of grocery amounts (Hill, top 1 %)", f"{hill(usd[groceries]):.1f}",
                "2.5", _OWN,
            )
        )  # fmt: skip
    return found


def hill(values: Floats) -> float:
    """Hill's estimate of the Pareto exponent of the largest 1 %."""
    top = np.sort(values)[-max(20, len(values) // 100) :]
    return float(1.0 / np.mean(np.log(top[1:] / top[0])))


def _movement(table: pa.Table) -> list[Statistic]:
    users, cities = table["user_id"].to_pylist(), table["city"].to_pylist()
    home: dict[str, dict[str, int]] = {}
    for user, city in zip(users, cities, strict=True):
        seen = home.setdefault(user, {})
        seen[city] = seen.get(city, 0) + 1
    usual = {user: max(seen, key=lambda c: seen[c]) for user, seen in home.items()}
    steady = {user for user, seen in home.items() if sum(seen.values()) >= 20}
    countries = zip(table["country"].to_pylist(), table["billing_country"].to_pylist(), strict=True)
    rows = [
        (city == usual[user], here == there)
        for user, city, (here, there) in zip(users, cities, countries, strict=True)
        if user in steady
    ]
    if not rows:
        return []
    at_home = sum(a for a, _ in rows) / len(rows)
    abroad = sum(not b for _, b in rows) / len(rows)
    return [
        Statistic("payments in the usual city", f"{at_home:.0%}", "85 %", _OWN),
        Statistic("payments in another country", f"{abroad:.0%}", "5 % far, some near", _OWN),
    ]


def _popularity(table: pa.Table) -> list[Statistic]:
    online = table.filter(pc.equal(table["channel"], "online"))
    counts = [c["counts"] for c in pc.value_counts(online["merchant_id"]).to_pylist()]
    top = np.sort(np.array(counts, float))[::-1][:50]
    if len(top) < 20:
        return []
    slope = np.polyfit(np.log(np.arange(1, len(top) + 1)), np.log(top), 1)[0]
    return [
        Statistic(
            "Zipf exponent of online shops (top 50)", f"{-slope:.2f}", "1", _OWN
        )
    ]
