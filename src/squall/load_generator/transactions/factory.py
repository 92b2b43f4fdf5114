"""The transaction factory: rows of a run as a pure function of seed and arrival index.

Nothing carries over from batch to batch. Any worker can make any rows, and a row's ground truth can
be made again after the run.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from squall.errors import ConfigurationError
from squall.load_generator.transactions.campaigns import Campaigns
from squall.load_generator.transactions.edges import Disguises, EdgeCases, Edges, References
from squall.load_generator.transactions.fields import Writer
from squall.load_generator.transactions.fraud import Cast, Fraud
from squall.load_generator.transactions.hashing import I64, key_of
from squall.load_generator.transactions.legitimate import Legitimate
from squall.load_generator.transactions.means import Means
from squall.load_generator.transactions.people import People
from squall.load_generator.transactions.places import load_places
from squall.load_generator.transactions.rows import NOTHING, Rows, Type, blank_rows
from squall.load_generator.transactions.strata import PPM, Strata
from squall.load_generator.transactions.timeline import Timeline
from squall.load_generator.transactions.trade import Trade
from squall.models import Column, Label, Mix, TransactionBatch, run_stages

FIELDS = (
    "transaction_id", "type", "amount", "currency", "user_id", "card_id", "device_id",
    "merchant_id", "payee_id", "merchant_category", "channel", "country", "city", "latitude",
    "longitude", "billing_country", "ip", "timestamp", "account_age_days", "card_age_days",
    "device_age_days", "cvv", "avs", "authentication", "original_transaction_id",
)  # fmt: skip
"""The fields of ``docs/transactions.md``, in its order."""

_CARD_FIELDS = {"account_age_days", "card_age_days", "card_id"}
_REMOTE_FIELDS = {"device_id", "device_age_days", "ip"}
_CHECK_FIELDS = {"cvv", "avs", "authentication"}
_PLACE_FIELDS = {"latitude", "longitude"}
_FIELDS_PER_STEP = 5
_FRAUD, _EDGE_CASE = int(Label.FRAUD), int(Label.EDGE_CASE)
_REFUND = int(Type.REFUND)


def fit_population(planned: int) -> int:
    """A sensible number of customers for a plan: forty payments each, 2,000 … 2,000,000."""
    return int(np.clip(planned // 40, 2_000, 2_000_000))


@dataclass(frozen=True, slots=True)
class FactorySpec:
    """From this every worker builds the same factory.

    ``epoch_s`` is the Unix time at which the virtual timeline ends (the start of the run), and
    ``reference_lag`` how many arrivals back, at least, refunds and repeated ids point: enough for
    the earlier one to have been answered.
    """

    seed: int
    planned: int
    epoch_s: float
    mix: Mix = field(default_factory=Mix)
    population: int | None = None
    """Customers; None: fitted to the plan."""
    reference_lag: int = 20_000

    def __post_init__(self) -> None:
        """Raise ConfigurationError for what cannot be made."""
        mix = self.mix
        if mix.fraud < 0 or mix.edge_cases < 0 or mix.fraud + mix.edge_cases > 1:
            raise ConfigurationError(
                f"mix: fraud {mix.fraud} and edge_cases {mix.edge_cases} must be at least 0 and at "
                "most 1 together"
            )
        if self.planned < 1:
            raise ConfigurationError(f"planned: {self.planned} transactions; must be at least 1")
        if self.population is not None and not 100 <= self.population <= 10_000_000:
            raise ConfigurationError(
                f"population: {self.population} customers; must be 100 to 10,000,000"
            )

    @property
    def available_fields(self) -> frozenset[str]:
        """All fields of ``docs/transactions.md``."""
        return frozenset(FIELDS)

    @property
    def amounts_known(self) -> bool:
        """Always: every payment has its amount."""
        return True

    def build(self, run_tag: str, fields: frozenset[str] | None = None) -> TransactionFactory:
        """The factory; ``fields`` (None: all) get columns.

        Raises:
            ConfigurationError: for a field that does not exist.
        """
        wanted = self.available_fields if fields is None else fields
        if unknown := sorted(wanted - self.available_fields):
            raise ConfigurationError(
                f"no such transaction field: {', '.join(unknown)}; there are {', '.join(FIELDS)}"
            )
        return TransactionFactory(self, run_tag, wanted)


@dataclass(frozen=True, slots=True)
class _Truth:
    """What each row of a batch is, before any of it is made."""

    label: NDArray[np.uint8]
    cast: Cast
    edges: Edges
    source: I64
    """The arrival whose people and goods the row has: an earlier one for refunds and repeats."""
    wire: I64
    returned: I64
    """The arrival that a refund returns, or ``NOTHING``."""
    refunds: I64
    """Row numbers of refunds."""


class TransactionFactory:
    """A ``TransactionSource`` of labelled payments."""

    def __init__(self, spec: FactorySpec, run_tag: str, fields: frozenset[str]) -> None:
        self.spec = spec
        places = load_places()
        population = spec.population or fit_population(spec.planned)
        self._timeline = Timeline(spec.planned, population, spec.epoch_s, places)
        people = People(spec.seed, population, places)
        trade = Trade(population, places)
        self._legitimate = Legitimate(spec.seed, self._timeline, people, places, trade)
        self._means = Means(self._timeline, places)
        self._strata, self._edge_strata = _strata(spec)
        self._references = References(
            spec.seed, self._strata, spec.reference_lag, self._legitimate.kind_of
        )
        self._edge_cases = EdgeCases(spec.seed, self._edge_strata, self._references)
        fraud_share = spec.mix.fraud / max(spec.mix.fraud + spec.mix.edge_cases, 1e-12)
        spacing_s = self._timeline.spacing_s * self._strata.spacing / max(fraud_share, 1e-6)
        campaigns = Campaigns(spec.seed, spec.mix.typologies, spacing_s)
        self._fraud = Fraud(
            spec.seed, campaigns, self._legitimate, people, places, trade,
            self._means.hosting_from,
        )  # fmt: skip
        self._disguises = Disguises(run_tag, spec.epoch_s, places, fields)
        self._usd_per_minor = trade.usd_per_minor
        self._renders = Writer(spec.seed, run_tag, places, self._timeline).renders(fields)
        self._fields = fields

    def batch(self, indices: I64) -> TransactionBatch:
        """Make the transactions of these arrival indices, shape (n,), at once."""
        return run_stages(self, indices)

    def stages(self, indices: I64) -> Generator[None, None, TransactionBatch]:
        """Make a batch in steps; yields between them."""
        truth = yield from self._truth(indices)
        rows = blank_rows(truth.source)
        rows.wire, rows.original = truth.wire, truth.returned
        legitimate, means, fraud = self._legitimate, self._means, self._fraud
        legitimate.when(rows)
        yield
        legitimate.who(rows)
        yield
        legitimate.what(rows)
        yield
        legitimate.how_much(rows)
        self._own_times(rows, truth, indices)
        yield
        if len(truth.cast.at):
            fraud.people(rows, truth.cast)
            yield
            fraud.deeds(rows, truth.cast)
            yield
        legitimate.settle(rows)
        fraud.claims(rows, truth.cast)
        if self._fields & _PLACE_FIELDS:
            legitimate.where(rows)
        yield
        if self._fields & (_CARD_FIELDS | _REMOTE_FIELDS | _CHECK_FIELDS):
            means.cards(rows)
            means.devices(rows)
            yield
            means.addresses(rows)
            means.checks(rows)
            yield
            if len(truth.cast.at):
                fraud.signs(rows, truth.cast)
                yield
        columns: dict[str, Column] = {}
        for step, (name, render) in enumerate(self._renders.items()):
            columns[name] = render(rows)
            if step % _FIELDS_PER_STEP == _FIELDS_PER_STEP - 1:
                yield
        return self._finish(indices, truth, rows, columns)

    def _truth(self, indices: I64) -> Generator[None, None, _Truth]:
        """Who is what, and which earlier arrivals some of them point back to."""
        specials, position = self._strata.ordinals(indices)
        at = (position == indices).nonzero()[0]
        number = specials[at]
        ordinal, position = self._edge_strata.ordinals(number)
        is_edge = position == number
        edge, fraud = is_edge.nonzero()[0], (~is_edge).nonzero()[0]
        fraud_number, before = number[fraud], ordinal[fraud]
        if self._edge_strata.ppm:
            before += position[fraud] < fraud_number
        yield
        cast = self._fraud.cast(at[fraud], fraud_number - before)
        yield
        case, draw = self._edge_cases.drawn(ordinal[edge])
        pointing, claims = self._edge_cases.pointing(case), cast.refund.nonzero()[0]
        found = self._references.find(
            np.concatenate((number[edge[pointing]], fraud_number[claims]))
        )
        original = np.full(len(edge), NOTHING)
        original[pointing] = found[: len(pointing)]
        edges = self._edge_cases.cast(at[edge], ordinal[edge], case, draw, original)
        yield
        label = np.zeros(len(indices), np.uint8)
        label[edges.at] = _EDGE_CASE
        label[cast.at] = _FRAUD
        source, wire = indices.copy(), indices.copy()
        returned = np.full(len(indices), NOTHING)
        repeats = edges.repeats
        source[edges.at[repeats]] = wire[edges.at[repeats]] = edges.original[repeats]
        returned[edges.at[~repeats]] = edges.original[~repeats]
        returned[cast.at[claims]] = found[len(pointing) :]
        refund_rows = (returned != NOTHING).nonzero()[0]
        source[refund_rows] = returned[refund_rows]
        return _Truth(label, cast, edges, source, wire, returned, refund_rows)

    def _own_times(self, rows: Rows, truth: _Truth, indices: I64) -> None:
        """A refund has the people and goods of its purchase but happens at its own time."""
        if len(truth.refunds):
            rows.time_ms[truth.refunds] = self._legitimate.times_ms(indices[truth.refunds])
            rows.type[truth.refunds] = _REFUND

    def _finish(
        self, indices: I64, truth: _Truth, rows: Rows, columns: Mapping[str, Column]
    ) -> TransactionBatch:
        n = len(indices)
        typology = np.zeros(n, np.uint8)
        typology[truth.cast.at] = truth.cast.typology
        edge_case = np.zeros(n, np.uint8)
        edge_case[truth.edges.at] = truth.edges.case
        expected = np.zeros(n, np.uint8)
        expected[truth.edges.at] = self._disguises.expected(truth.edges.case)
        overrides = self._disguises.apply(rows, truth.edges)
        value_usd = rows.amount * self._usd_per_minor.take(rows.currency)
        value_usd[self._disguises.worthless(truth.edges)] = 0.0
        return TransactionBatch(
            index=indices, wire_index=truth.wire, columns=columns, label=truth.label,
            typology=typology, edge_case=edge_case, expected=expected, amount_minor=rows.amount,
            value_usd=value_usd, overrides=overrides,
        )  # fmt: skip


def _strata(spec: FactorySpec) -> tuple[Strata, Strata]:
    """Specials among arrivals, and edge cases among specials."""
    special = spec.mix.fraud + spec.mix.edge_cases
    ppm = round(special * PPM)
    edge_ppm = round(spec.mix.edge_cases / special * PPM) if special > 0 else 0
    return (
        Strata(ppm, key_of(spec.seed, "special"), clumped=True),
        Strata(edge_ppm, key_of(spec.seed, "edge")),
    )
