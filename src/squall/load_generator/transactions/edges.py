"""Edge cases: which rows they are, what they point back to, and what they look like."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.transactions.hashing import I64, U64, hashed, key_of, sixteen
from squall.load_generator.transactions.places import Places
from squall.load_generator.transactions.rows import NOTHING, Rows
from squall.load_generator.transactions.strata import GROUP, PPM, Strata
from squall.load_generator.transactions.trade import Kind
from squall.models import AMOUNT_LIMIT, EXPECTED, EdgeCase, Expected, transaction_id

_POINTING = (EdgeCase.REFUND, EdgeCase.SAME_ID_SAME_BODY, EdgeCase.SAME_ID_OTHER_BODY)
_WEIGHTS = {EdgeCase.REFUND: 5, EdgeCase.SAME_ID_SAME_BODY: 3, EdgeCase.SAME_ID_OTHER_BODY: 2}
_REFUND, _DOUBLE_REFUND = int(EdgeCase.REFUND), int(EdgeCase.DOUBLE_REFUND)
_SAME_BODY, _OTHER_BODY = int(EdgeCase.SAME_ID_SAME_BODY), int(EdgeCase.SAME_ID_OTHER_BODY)
_LAST_PURCHASE = int(Kind.ONLINE)
_OVERSIZE_BYTES = 17 * 1024
_NEVER_SENT = 900_000_000_000

FIELD_OF: dict[EdgeCase, str] = {
    EdgeCase.ZERO_AMOUNT: "amount",
    EdgeCase.MAXIMUM_AMOUNT: "amount",
    EdgeCase.NAN_AMOUNT: "amount",
    EdgeCase.INFINITE_AMOUNT: "amount",
    EdgeCase.NEGATIVE_REFUND: "amount",
    EdgeCase.ORPHAN_REFUND: "original_transaction_id",
    EdgeCase.DOUBLE_REFUND: "original_transaction_id",
    EdgeCase.LIMIT_PLUS_ONE: "amount",
    EdgeCase.FRACTIONAL_AMOUNT: "amount",
    EdgeCase.UNKNOWN_CURRENCY: "currency",
    EdgeCase.LEAP_DAY_INVALID: "timestamp",
    EdgeCase.FUTURE: "timestamp",
    EdgeCase.STALE: "timestamp",
    EdgeCase.NUL_CHARACTER: "city",
    EdgeCase.OVERSIZED: "city",
    EdgeCase.MISSING_FIELD: "amount",
    EdgeCase.SAME_ID_SAME_BODY: "transaction_id",
    EdgeCase.SAME_ID_OTHER_BODY: "amount",
}
"""The field that makes a case what it is, where a target should do other than decide."""


class References:
    """Finds, for special number s, an earlier purchase that no other special points to, if it can.

    It lies in the stratum of special s − ``distance``, which is at least the lag behind and
    belongs to s alone: so no purchase is refunded twice by accident.
    """

    def __init__(self, seed: int, strata: Strata, lag: int, kind_of: Callable[[I64], I64]) -> None:
        self._strata = strata
        self._kind_of = kind_of
        self._key = key_of(seed, "reference")
        self.distance = lag * strata.ppm // PPM + (2 * GROUP if strata.clumped else 2)

    def find(self, specials: I64) -> I64:
        """Arrival of the purchase for each special, or ``NOTHING``: too early, or no purchase."""
        target = specials - self.distance
        early = target < 0
        target = np.maximum(target, 0)
        start, length, special = self._strata.whole(target)
        # Any arrival of the stratum but the special itself: go on from that by 1 … length − 1.
        others = length - 1
        step = (hashed(specials, self._key) >> np.uint64(40)).view(np.int64)
        found = special + step % np.maximum(others, 1) + 1
        found -= (found >= start + length) * length
        unusable = self._kind_of(found) > _LAST_PURCHASE
        unusable |= early
        unusable |= others < 1
        found[unusable] = NOTHING
        return found


@dataclass(frozen=True, slots=True)
class Edges:
    """The edge cases of a batch; arrays have shape (n,)."""

    at: I64
    """Row numbers."""
    case: I64
    """``EdgeCase`` codes."""
    original: I64
    """The purchase pointed back to, or ``NOTHING``."""

    @property
    def repeats(self) -> NDArray[np.bool_]:
        """Whether the row sends an earlier id again (it points back, but is no refund)."""
        return np.isin(self.case, (_SAME_BODY, _OTHER_BODY))


class EdgeCases:
    """Chooses edge cases by the number of the edge case (its ordinal)."""

    def __init__(self, seed: int, strata: Strata, references: References) -> None:
        self._strata = strata
        self._references = references
        self._key = key_of(seed, "edge case")
        cases = [c for c in EdgeCase if c not in (EdgeCase.NONE, EdgeCase.DOUBLE_REFUND)]
        self._table = np.repeat(np.array(cases, np.int64), [2 * _WEIGHTS.get(c, 2) for c in cases])
        self._plain = np.array([c for c in cases if c not in _POINTING], np.int64)
        self._must_point = np.isin(np.arange(len(EdgeCase)), _POINTING)
        self._points = self._must_point.copy()
        self._points[EdgeCase.NEGATIVE_REFUND] = True
        self._double_distance = references.distance * strata.ppm // PPM + 2

    def drawn(self, ordinals: I64) -> tuple[I64, U64]:
        """First choice of cases by their ordinals among edge cases, and the bits that drew them."""
        draw = hashed(ordinals, self._key)
        return self._table.take(sixteen(draw, 0) % len(self._table)), draw

    def pointing(self, case: I64) -> I64:
        """Which of some first choices need an earlier purchase, as positions."""
        return self._points.take(case).nonzero()[0]

    def cast(self, at: I64, ordinals: I64, case: I64, draw: U64, original: I64) -> Edges:
        """The final cases: those that have nothing to point to become others."""
        lost = ((original == NOTHING) & self._must_point.take(case)).nonzero()[0]
        if len(lost):
            case[lost] = self._plain.take(sixteen(draw, 1)[lost] % len(self._plain))
        self._doubles(case, original, ordinals, draw)
        return Edges(at, case, original)

    def _doubles(self, case: I64, original: I64, ordinals: I64, draw: U64) -> None:
        """Turn a quarter of the cases that follow a refund at the set distance into a second one.

        Only ordinals in odd runs of the distance may, so the refund before is never one itself.
        """
        chance = (sixteen(draw, 2) & 3) == 0
        chance &= (ordinals // self._double_distance & 1) == 1
        at = chance.nonzero()[0]
        earlier = ordinals[at] - self._double_distance
        refunded = self.drawn(earlier)[0] == _REFUND
        if not refunded.any():
            return
        at = at[refunded]
        first = self._references.find(self._strata.positions(earlier[refunded]))
        at, first = at[first != NOTHING], first[first != NOTHING]
        case[at] = _DOUBLE_REFUND
        original[at] = first


Changes = Mapping[str, bytes | None]
Overrides = dict[int, Changes]


class Disguises:
    """Writes what edge cases put on the wire instead of the columns' values."""

    def __init__(
        self, run_tag: str, epoch_s: float, places: Places, fields: frozenset[str]
    ) -> None:
        self._run_tag = run_tag
        self._fields = fields
        self._currencies = places.currencies
        self._usd_per_minor = 1.0 / places.currencies.minor_per_usd
        fixed = _fixed_overrides(datetime.fromtimestamp(epoch_s, UTC))
        self._fixed = {int(case): self._sent(changes) for case, changes in fixed.items()}
        self._fixed |= {_REFUND: {}, _DOUBLE_REFUND: {}, _SAME_BODY: {}}
        self._written: dict[int, Callable[[Rows, int], Changes]] = {
            EdgeCase.NEGATIVE_REFUND: self._negative,
            EdgeCase.ORPHAN_REFUND: self._orphan,
            EdgeCase.FRACTIONAL_AMOUNT: self._fraction,
            EdgeCase.SAME_ID_OTHER_BODY: self._other_body,
            EdgeCase.OUT_OF_ORDER: self._late,
            EdgeCase.STALE: self._stale,
            EdgeCase.EXPONENT_ZERO: self._no_decimals,
            EdgeCase.EXPONENT_THREE: self._three_decimals,
        }
        self._amounts = np.full(len(EdgeCase), NOTHING)
        for case, changes in fixed.items():
            if "amount" in changes:
                self._amounts[case] = _integer(changes["amount"])
        self._worthless = np.isin(np.arange(len(EdgeCase)), _WORTHLESS)
        self._expected = np.array([EXPECTED[case] for case in EdgeCase], np.uint8)
        for case, name in FIELD_OF.items():
            if name not in fields:  # not sent, so the target sees nothing of it
                self._expected[case] = Expected.DECIDED

    def expected(self, cases: I64) -> NDArray[np.uint8]:
        """``Expected`` codes; a case whose field is not sent is an ordinary payment."""
        return self._expected.take(cases)

    def apply(self, rows: Rows, edges: Edges) -> Overrides:
        """Overrides by row; amounts and currencies of the rows become those that are sent."""
        overrides: Overrides = {}
        fixed = self._fixed
        for at, case in zip(edges.at.tolist(), edges.case.tolist(), strict=True):
            changes = fixed.get(case)
            if changes is None:
                changes = self._sent(self._written[case](rows, at))
            if changes:
                overrides[at] = changes
        amounts = self._amounts.take(edges.case)
        changed = (amounts != NOTHING).nonzero()[0]
        rows.amount[edges.at[changed]] = amounts[changed]
        return overrides

    def worthless(self, edges: Edges) -> I64:
        """Rows whose amount is not one that could be paid."""
        return edges.at[self._worthless.take(edges.case)]

    def _sent(self, changes: Changes) -> Changes:
        return {name: text for name, text in changes.items() if name in self._fields}

    def _negative(self, rows: Rows, at: int) -> Changes:
        amount = int(rows.amount[at])
        rows.amount[at] = -amount
        return {"amount": b"-%d" % amount, "type": b'"refund"'}

    def _orphan(self, rows: Rows, at: int) -> Changes:
        never = transaction_id(self._run_tag, _NEVER_SENT + int(rows.wire[at]))
        return {"type": b'"refund"', "original_transaction_id": f'"{never}"'.encode()}

    def _fraction(self, rows: Rows, at: int) -> Changes:
        amount = int(rows.amount[at])
        rows.amount[at] = 0
        return {"amount": b"%d.5" % amount}

    def _other_body(self, rows: Rows, at: int) -> Changes:
        rows.amount[at] += 1
        return {"amount": b"%d" % rows.amount[at]}

    def _late(self, rows: Rows, at: int) -> Changes:
        return {"timestamp": _stamp(int(rows.time_ms[at]) - 3_600_000)}

    def _stale(self, rows: Rows, at: int) -> Changes:
        return {"timestamp": _stamp(int(rows.time_ms[at]) - 1000 * 86_400_000)}

    def _no_decimals(self, rows: Rows, at: int) -> Changes:
        return self._exotic(("JPY", "KRW", "CLP", "VND"), rows, at)

    def _three_decimals(self, rows: Rows, at: int) -> Changes:
        return self._exotic(("BHD", "JOD", "KWD", "OMR", "TND"), rows, at)

    def _exotic(self, codes: tuple[str, ...], rows: Rows, at: int) -> Changes:
        code = codes[int(rows.wire[at]) % len(codes)]
        number = self._currencies.codes.index(code)
        usd = rows.amount[at] * self._usd_per_minor[rows.currency[at]]
        amount = min(max(1, round(float(usd / self._usd_per_minor[number]))), AMOUNT_LIMIT)
        rows.currency[at], rows.amount[at] = number, amount
        return {"currency": f'"{code}"'.encode(), "amount": b"%d" % amount}


_WORTHLESS = (
    EdgeCase.ZERO_AMOUNT,
    EdgeCase.MAXIMUM_AMOUNT,
    EdgeCase.NAN_AMOUNT,
    EdgeCase.INFINITE_AMOUNT,
    EdgeCase.NEGATIVE_REFUND,
    EdgeCase.LIMIT_PLUS_ONE,
    EdgeCase.FRACTIONAL_AMOUNT,
    EdgeCase.UNKNOWN_CURRENCY,
    EdgeCase.MISSING_FIELD,
)


def _integer(text: bytes | None) -> int:
    """The amount in an override, 0 where it is no amount in 64 bits that adds up with others."""
    digits = text or b""
    return int(digits) if digits.isdigit() and len(digits) <= 18 else 0


def _stamp(time_ms: int) -> bytes:
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f'"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"'.encode()


def _last_sunday(year: int, month: int) -> datetime:
    day = datetime(year, month, 31, tzinfo=UTC)
    return day - timedelta(days=(day.weekday() + 1) % 7)


def _fixed_overrides(epoch: datetime) -> dict[EdgeCase, dict[str, bytes | None]]:
    """Overrides that are the same for every row.

    Central Europe's clocks go from 02:00 to 03:00 on the last Sunday of March and back on that of
    October: 02:30 there does not exist, or exists twice.
    """
    spring = max(
        _last_sunday(y, 3) for y in (epoch.year - 1, epoch.year) if _last_sunday(y, 3) < epoch
    )
    autumn = max(
        _last_sunday(y, 10) for y in (epoch.year - 1, epoch.year) if _last_sunday(y, 10) < epoch
    )
    common = epoch.year - 1 if (epoch.year - 1) % 4 else epoch.year - 2
    decomposed = unicodedata.normalize("NFD", "São Paulo")
    return {
        EdgeCase.ZERO_AMOUNT: {"amount": b"0"},
        EdgeCase.MAXIMUM_AMOUNT: {"amount": b"%d" % (2**63 - 1)},
        EdgeCase.NAN_AMOUNT: {"amount": b"NaN"},
        EdgeCase.INFINITE_AMOUNT: {"amount": b"Infinity"},
        EdgeCase.LIMIT_MINUS_ONE: {"amount": b"%d" % (AMOUNT_LIMIT - 1)},
        EdgeCase.LIMIT_EXACT: {"amount": b"%d" % AMOUNT_LIMIT},
        EdgeCase.LIMIT_PLUS_ONE: {"amount": b"%d" % (AMOUNT_LIMIT + 1)},
        EdgeCase.UNKNOWN_CURRENCY: {"currency": b'"ZZZ"'},
        EdgeCase.DST_GAP: {"timestamp": f'"{spring:%Y-%m-%d}T02:30:00.000+01:00"'.encode()},
        EdgeCase.DST_FOLD: {"timestamp": f'"{autumn:%Y-%m-%d}T02:30:00.000+01:00"'.encode()},
        EdgeCase.LEAP_DAY_INVALID: {"timestamp": b'"%d-02-29T12:00:00.000Z"' % common},
        EdgeCase.FUTURE: {"timestamp": _stamp(int((epoch.timestamp() + 2 * 86_400) * 1000))},
        EdgeCase.UNICODE_DECOMPOSED: {"city": f'"{decomposed}"'.encode()},
        EdgeCase.RIGHT_TO_LEFT: {"city": '"القاهرة"'.encode()},
        EdgeCase.LOOK_ALIKE: {"city": '"Раrіs"'.encode()},
        EdgeCase.NUL_CHARACTER: {"city": b'"Lon\\u0000don"'},
        EdgeCase.OVERSIZED: {"city": b'"' + b"x" * _OVERSIZE_BYTES + b'"'},
        EdgeCase.MISSING_FIELD: {"amount": None},
    }
