"""The world that the payments come from: time, people, movement, trade, campaigns."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime

import numpy as np
import pytest
from babel.numbers import get_currency_precision

from squall.errors import ConfigurationError
from squall.load_generator.transactions import (
    MIXES,
    FactorySpec,
    TransactionFactory,
    fit_population,
    mix_named,
)
from squall.load_generator.transactions.describe import gini
from squall.load_generator.transactions.hashing import hashed, key_of
from squall.load_generator.transactions.people import People
from squall.load_generator.transactions.places import (
    SPOTS,
    city_distances_km,
    distance_km,
    load_places,
)
from squall.load_generator.transactions.scripts import SCRIPTS
from squall.load_generator.transactions.timeline import SPAN_DAYS_MAX, Timeline, span_s
from squall.models import Label, Mix, TransactionBatch, Typology

EPOCH_S = 1_795_000_000.0
ROWS = 80_000


def build(**changes: object) -> TransactionFactory:
    values = {"seed": 4, "planned": ROWS, "epoch_s": EPOCH_S, **changes}
    return FactorySpec(**values).build("test0000")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def legitimate() -> TransactionBatch:
    return build(mix=MIXES["legitimate"]).batch(np.arange(ROWS))


def texts(batch: TransactionBatch, name: str) -> list[str | None]:
    """The values of a column (numbers too, which callers convert)."""
    return [json.loads(v.tobytes()) for v in batch.columns[name].json]


def times_s(batch: TransactionBatch) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    stamps = [str(stamp)[:23] for stamp in texts(batch, "timestamp")]
    return np.array(stamps, "datetime64[ms]").astype(np.int64) / 1000.0


def test_enough_countries_cities_and_currencies() -> None:
    places = load_places()
    assert len(places.countries) >= 40
    assert len(places.currencies.codes) >= 30
    assert np.bincount(places.country).min() >= 2
    used = {places.currencies.codes[c] for c in places.country_currency}
    assert len(used) >= 30
    for code, exponent in zip(places.currencies.codes, places.currencies.exponents, strict=True):
        assert exponent == get_currency_precision(code), code
    assert all(places.currencies.sources)
    assert all(datetime.fromisoformat(day) for day in places.currencies.dates)
    assert places.weight.sum() == pytest.approx(1)


def test_spots_lie_near_their_city() -> None:
    places = load_places()
    city = np.repeat(np.arange(len(places.cities)), SPOTS)
    away = distance_km(
        places.latitude[city], places.longitude[city], places.spot_latitude,
        places.spot_longitude,
    )  # fmt: skip
    assert away.max() < 30


def test_distances_are_those_of_the_atlas() -> None:
    places = load_places()
    km = city_distances_km(places)
    london, paris = places.cities.index("London"), places.cities.index("Paris")
    assert km[london, paris] == pytest.approx(344, abs=5)
    assert np.allclose(km, km.T)


@pytest.mark.parametrize(("planned", "population"), [(1, 2_000), (4_000_000, 100_000)])
def test_population_fits_the_plan(planned: int, population: int) -> None:
    assert fit_population(planned) == population


def test_the_timeline_is_at_most_300_days_long() -> None:
    assert span_s(10**9, 100) == SPAN_DAYS_MAX * 86_400
    assert span_s(48 * 1000, 1000) == pytest.approx(30.4 * 86_400)


def test_event_time_runs_to_the_end_nearly_in_order(legitimate: TransactionBatch) -> None:
    times = times_s(legitimate)
    assert times.max() <= EPOCH_S
    assert EPOCH_S - times.max() < 120
    assert EPOCH_S - times.min() == pytest.approx(span_s(ROWS, 2_000), rel=0.001)
    assert np.diff(times).min() > -3.0


def test_the_day_and_the_week_show_in_local_time() -> None:
    places = load_places()
    timeline = Timeline(ROWS, 2_000, EPOCH_S, places)
    made = build(mix=MIXES["legitimate"])
    batch = made.batch(np.arange(ROWS))
    offset = dict(zip(places.cities, places.utc_offset_min.tolist(), strict=True))
    countries = dict(zip(places.cities, places.country.tolist(), strict=True))
    home = texts(batch, "billing_country")
    local = [
        datetime.fromtimestamp(t + offset[str(c)] * 60, UTC)
        for t, c, b in zip(times_s(batch), texts(batch, "city"), home, strict=True)
        if places.countries[countries[str(c)]] == b
    ]
    hours = np.bincount([moment.hour for moment in local], minlength=24)
    assert hours[18] > 8 * hours[3]
    days = np.bincount([moment.weekday() for moment in local], minlength=7)
    assert days[5] > days[6]
    assert timeline.spacing_s > 0


def test_activity_is_as_uneven_as_published() -> None:
    places = load_places()
    people = People(1, 20_000, places)
    draw = hashed(np.arange(1_000_000, dtype=np.int64), key_of(1, "activity"))
    cities = np.searchsorted(np.cumsum(places.weight), np.linspace(0, 0.999999, 1_000_000))
    numbers = people.pick(people.occupied.take(cities).astype(np.int64), draw)
    counts = np.sort(np.bincount(numbers, minlength=people.population)).astype(np.float64)
    assert gini(counts) == pytest.approx(0.70, abs=0.03)
    assert counts[-5_000:].sum() / counts.sum() == pytest.approx(0.80, abs=0.03)


@pytest.mark.parametrize("population", [100, 101, 5_000, 99_999])
def test_every_customer_has_a_city(population: int) -> None:
    places = load_places()
    people = People(1, population, places)
    numbers = np.arange(people.population)
    cities = people.home_city(numbers)
    assert (cities[::2] == cities[1::2]).all(), "neighbours live in one city"
    draw = hashed(numbers, key_of(2, "pick"))
    assert np.array_equal(people.home_city(people.pick(cities, draw)), cities)


def test_nobody_travels_impossibly(legitimate: TransactionBatch) -> None:
    times = times_s(legitimate)
    users = texts(legitimate, "user_id")
    latitude = np.array(texts(legitimate, "latitude"), float)
    longitude = np.array(texts(legitimate, "longitude"), float)
    trail: dict[str | None, list[int]] = defaultdict(list)
    for row in np.argsort(times, kind="stable").tolist():
        trail[users[row]].append(row)
    before = np.array([row for rows in trail.values() for row in rows[:-1]])
    after = np.array([row for rows in trail.values() for row in rows[1:]])
    km = distance_km(latitude[before], longitude[before], latitude[after], longitude[after])
    far = km > 60  # within a town and its surroundings spots say nothing about speed
    hours = np.maximum(times[after] - times[before], 1.0) / 3600
    assert far.sum() > 1_000
    assert (km[far] / hours[far]).max() < 900


def test_most_payments_are_made_at_home(legitimate: TransactionBatch) -> None:
    places = load_places()
    factory = build(mix=MIXES["legitimate"])
    assert isinstance(factory, TransactionFactory)
    country = dict(zip(places.cities, places.country.tolist(), strict=True))
    billing, city = texts(legitimate, "billing_country"), texts(legitimate, "city")
    abroad = np.mean(
        [places.countries[country[str(c)]] != b for b, c in zip(billing, city, strict=True)]
    )
    assert 0.05 < abroad < 0.13
    trail: dict[str | None, list[str | None]] = defaultdict(list)
    for user, where in zip(texts(legitimate, "user_id"), city, strict=True):
        trail[user].append(where)
    steady = [cities for cities in trail.values() if len(cities) >= 40]
    usual = np.mean([max(c.count(x) for x in set(c)) / len(c) for c in steady])
    assert usual == pytest.approx(0.85, abs=0.05)


def test_amounts_are_those_of_debit_cards(legitimate: TransactionBatch) -> None:
    channel = texts(legitimate, "channel")
    billing = texts(legitimate, "billing_country")
    cards = np.array(
        [c not in ("atm", "transfer") and b == "US" for c, b in zip(channel, billing, strict=True)]
    )
    assert legitimate.value_usd[cards].mean() == pytest.approx(47, rel=0.12)


def test_hard_negatives_are_there(legitimate: TransactionBatch) -> None:
    category = texts(legitimate, "merchant_category")
    cvv = texts(legitimate, "cvv")
    device_age = texts(legitimate, "device_age_days")
    users, devices = texts(legitimate, "user_id"), texts(legitimate, "device_id")
    sharers: dict[str, set[str | None]] = defaultdict(set)
    for user, device in zip(users, devices, strict=True):
        if device:
            sharers[device].add(user)
    assert category.count("5947") > 200, "gift cards"
    assert cvv.count("mismatch") > 100, "typing errors"
    assert sum(str(age) == "0" for age in device_age) > 100, "new devices"
    assert sum(len(s) > 1 for s in sharers.values()) > 20, "shared devices"
    assert (legitimate.value_usd > 2_000).sum() > 20, "large purchases"


def test_shares_of_typologies_are_their_weights() -> None:
    batch = build(planned=400_000, mix=Mix(0.15, 0.05)).batch(np.arange(0, 400_000, 3))
    fraud = batch.typology[batch.label == Label.FRAUD]
    total = sum(s.weight for s in SCRIPTS)
    for script in SCRIPTS:
        share = float((fraud == script.typology).mean())
        assert share == pytest.approx(script.weight / total, rel=0.30, abs=0.004)


def test_a_mix_may_name_its_typologies() -> None:
    only = {Typology.STRUCTURING: 1.0, Typology.CARD_TESTING: 3.0}
    batch = build(mix=Mix(0.2, 0.0, only)).batch(np.arange(ROWS))
    fraud = batch.typology[batch.label == Label.FRAUD]
    assert set(fraud.tolist()) == {int(t) for t in only}
    assert (fraud == Typology.CARD_TESTING).mean() == pytest.approx(0.75, abs=0.08)


def test_campaigns_run_over_time() -> None:
    batch = build(mix=Mix(0.15, 0.0)).batch(np.arange(ROWS))
    devices = texts(batch, "device_id")
    trail: dict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero(batch.typology == Typology.ACCOUNT_TAKEOVER).tolist():
        if devices[row]:
            trail[str(devices[row])].append(row)
    lengths = [len(rows) for rows in trail.values()]
    assert np.mean(lengths) > 3
    times = times_s(batch)
    gaps = [np.diff(times[rows]) for rows in trail.values() if len(rows) > 1]
    median_s = float(np.median(np.concatenate(gaps)))
    assert 60 < median_s < 4 * 3600


def test_every_named_mix_has_its_share_of_fraud() -> None:
    for mix in MIXES.values():
        batch = build(planned=400_000, mix=mix).batch(np.arange(400_000))
        assert (batch.label == Label.FRAUD).mean() == pytest.approx(mix.fraud, abs=6e-5)


def test_bad_specifications_say_what_to_change() -> None:
    with pytest.raises(ConfigurationError, match="at most 1"):
        FactorySpec(seed=1, planned=10, epoch_s=0.0, mix=Mix(0.8, 0.3))
    with pytest.raises(ConfigurationError, match="population"):
        FactorySpec(seed=1, planned=10, epoch_s=0.0, population=5)
    with pytest.raises(ConfigurationError, match="planned"):
        FactorySpec(seed=1, planned=0, epoch_s=0.0)
    with pytest.raises(ConfigurationError, match="nonsense"):
        FactorySpec(seed=1, planned=10, epoch_s=EPOCH_S).build("test0000", frozenset({"nonsense"}))
    with pytest.raises(ConfigurationError, match="stress"):
        mix_named("nonsense")
