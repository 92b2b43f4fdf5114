"""Writes rows as JSON columns: identifiers digit by digit, everything else from tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.transactions.forms import Bytes, Form, Tiled, table
from squall.load_generator.transactions.hashing import I64
from squall.load_generator.transactions.means import BLOCKS, OCTETS
from squall.load_generator.transactions.people import ID_SPACE
from squall.load_generator.transactions.places import Places
from squall.load_generator.transactions.rows import NOTHING, Rows
from squall.load_generator.transactions.timeline import Timeline
from squall.load_generator.transactions.trade import CATEGORIES
from squall.models import Column
from squall.models.transactions import ID_DIGITS

Render = Callable[[Rows], Column]

TAG_LENGTH = 7
AGE_MAX = 9_999
_SCRAMBLE = 61_803_397  # odd and no multiple of five: a permutation of the eight-digit numbers
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAG_BITS = 36
_DAY_MS = 86_400_000


def entity_tag(seed: int) -> str:
    """Seven characters in the ids of a seed's people, cards, devices and merchants.

    Seeds below 2³⁶ get different tags for certain: the low 36 bits go through a bijection (odd
    multipliers and xor-shifts modulo 2³⁶). Higher bits of a seed are folded in before.
    """
    mask = (1 << _TAG_BITS) - 1
    x = (seed & mask) ^ ((seed >> _TAG_BITS) * 0x9E3779B97 & mask)
    for multiplier in (0xD6E8FEB86, 0xA5A3564E3):
        x = x * (multiplier | 1) & mask
        x ^= x >> 17
    text = ""
    for _ in range(TAG_LENGTH):
        x, digit = divmod(x, 36)
        text = _BASE36[digit] + text
    return text


def _quoted(texts: Iterable[str]) -> Bytes:
    return table('"' + t.replace("\\", "\\\\").replace('"', '\\"') + '"' for t in texts)


class Writer:
    """Renders the fields of one seed and run; shared tables are made once."""

    def __init__(self, seed: int, run_tag: str, places: Places, timeline: Timeline) -> None:
        self._tag = entity_tag(seed)
        self._run_tag = run_tag
        self._places = places
        self._timeline = timeline
        self._shift = seed % ID_SPACE
        four = np.array([f"{n:04d}" for n in range(10_000)], "S4").view("<u4").astype("<u8")
        self._low_digits = four << np.uint64(32)
        self._high_digits = four

    def renders(self, fields: frozenset[str]) -> dict[str, Render]:
        """A function from rows to a column for each of ``fields``."""
        makers: dict[str, Callable[[], Render]] = {
            "transaction_id": self._transaction_id,
            "type": lambda: self._words("type", ("purchase", "refund", "transfer", "withdrawal")),
            "amount": self._amount,
            "currency": lambda: self._words("currency", self._places.currencies.codes, True),
            "user_id": self._user_id,
            "card_id": self._card_id,
            "device_id": self._device_id,
            "merchant_id": lambda: self._id("m", "merchant", 1, rare=False),
            "payee_id": lambda: self._id("a", "payee", 0, rare=True),
            "merchant_category": self._category,
            "channel": lambda: self._words(
                "kind", ("contactless", "chip", "online", "atm", "transfer")
            ),
            "country": lambda: self._by_city("city", self._country_words(), True),
            "city": lambda: self._by_city("city", _quoted(self._places.cities), False),
            "latitude": lambda: self._spot(self._places.spot_latitude),
            "longitude": lambda: self._spot(self._places.spot_longitude),
            "billing_country": lambda: self._by_city("home", self._country_words(), True),
            "ip": self._ip,
            "timestamp": self._timestamp,
            "account_age_days": lambda: self._age("account_age"),
            "card_age_days": lambda: self._age("card_age"),
            "device_age_days": lambda: self._age("device_age"),
            "cvv": lambda: self._words("cvv", ("match", "mismatch", "absent")),
            "avs": lambda: self._words("avs", ("match", "mismatch", "absent")),
            "authentication": lambda: self._words("authentication", ("none", "pin", "three_ds")),
            "original_transaction_id": self._original,
        }
        return {name: make() for name, make in makers.items() if name in fields}

    def _words(self, name: str, words: Iterable[str], embeddable: bool = False) -> Render:
        texts = _quoted(words)

        def render(rows: Rows) -> Column:
            return Column(texts.take(getattr(rows, name), axis=0), embeddable)

        return render

    def _country_words(self) -> Bytes:
        return _quoted(self._places.countries[c] for c in self._places.country)

    def _by_city(self, name: str, texts: Bytes, embeddable: bool) -> Render:
        def render(rows: Rows) -> Column:
            return Column(texts.take(getattr(rows, name), axis=0), embeddable)

        return render

    def _spot(self, degrees: NDArray[np.float64]) -> Render:
        texts = table(f"{d:.4f}" for d in degrees)
        return lambda rows: Column(texts.take(rows.spot, axis=0))

    def _age(self, name: str) -> Render:
        texts = table([*(str(n) for n in range(AGE_MAX + 1)), "null"])

        def render(rows: Rows) -> Column:
            # −1 (null) takes the last row; ages are bounded far below AGE_MAX.
            return Column(texts.take(getattr(rows, name), axis=0, mode="wrap"))

        return render

    def _category(self) -> Render:
        texts = table(f'"{c.code}"' if c.code else "null" for c in CATEGORIES)
        return lambda rows: Column(texts.take(rows.category, axis=0))

    def scrambled(self, numbers: I64, shift: int) -> I64:
        """Eight-digit numbers in another order, so that an id tells nothing about its owner."""
        mixed: I64 = (numbers * _SCRAMBLE + (self._shift + shift)) % ID_SPACE
        return mixed

    def _eight(self, numbers: I64) -> NDArray[np.uint64]:
        """Eight digits of each number as a little-endian word."""
        high = numbers // 10_000
        low = numbers - high * 10_000
        word = self._low_digits.take(low)
        word |= self._high_digits.take(high)
        return word

    def _user_digits(self, rows: Rows) -> NDArray[np.uint64]:
        if rows.user_digits is None:
            rows.user_digits = self._eight(self.scrambled(rows.user, 0))
        return rows.user_digits

    def _user_id(self) -> Render:
        form = Form(f'"u{self._tag}', end='"')

        def render(rows: Rows) -> Column:
            out = form.blank(len(rows.user))
            out["digits"] = self._user_digits(rows)
            return form.column(out, embeddable=True)

        return render

    def _id(self, letter: str, name: str, shift: int, rare: bool) -> Render:
        """Ids of merchants and accounts, or null; ``rare`` says that null is the rule."""
        form = Form(f'"{letter}{self._tag}', end='"')

        def render(rows: Rows) -> Column:
            numbers: I64 = getattr(rows, name)
            if rare:
                there = (numbers != NOTHING).nonzero()[0]
                some = form.blank(len(there))
                some["digits"] = self._eight(self.scrambled(numbers[there], shift))
                column = form.column(form.nulls(len(numbers)))
                column.json[there] = form.column(some).json
                return column
            out = form.blank(len(numbers))
            out["digits"] = self._eight(self.scrambled(numbers, shift))
            return form.missing(form.column(out), numbers == NOTHING)

        return render

    def _card_id(self) -> Render:
        form = Form(f'"c{self._tag}', end='0"')

        def render(rows: Rows) -> Column:
            out = form.blank(len(rows.user))
            out["digits"] = self._user_digits(rows)
            column = form.column(out, embeddable=True)
            column.json[:, -2] += rows.card.astype(np.uint8)
            return column

        return render

    def _device_id(self) -> Render:
        form = Form(f'"d{self._tag}', end='00"')
        two = table(f"{n:02d}" for n in range(100))

        def render(rows: Rows) -> Column:
            device = rows.device
            owner = device // 100
            last = device - owner * 100
            eight = self.scrambled(owner, 2)
            made = (device < NOTHING).nonzero()[0]
            if len(made):  # of fraudsters, or used once: last digits that no customer's device has
                number = -device[made]
                eight[made] = number % ID_SPACE
                last[made] = 30 + number % 70
            out = form.blank(len(device))
            out["digits"] = self._eight(eight)
            column = form.column(out)
            column.json[:, -3:-1] = two.take(last, axis=0)
            return form.missing(column, device == NOTHING)

        return render

    def _ip(self) -> Render:
        blocks = table(f'"{240 + b // OCTETS}.{100 + b % OCTETS}.' for b in range(BLOCKS))
        hosts = table(f'{100 + h // OCTETS}.{100 + h % OCTETS}"' for h in range(OCTETS * OCTETS))
        first, width = blocks.shape[1], blocks.shape[1] + hosts.shape[1]
        nulls = Tiled(np.frombuffer(b"null".ljust(width), np.uint8))

        def render(rows: Rows) -> Column:
            out = nulls.copy(len(rows.user))
            there = (rows.ip_block != NOTHING).nonzero()[0]
            out[there, :first] = blocks.take(rows.ip_block[there], axis=0)
            out[there, first:] = hosts.take(rows.ip_host[there], axis=0)
            return Column(out)

        return render

    def _timestamp(self) -> Render:
        first = self._timeline.first_day - 1
        count = int(self._timeline.span_s // 86_400) + 10
        days = np.datetime_as_string(np.arange(first, first + count).astype("datetime64[D]"))
        day_texts = table(f'"{day}T' for day in days)
        second_texts = table(
            f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400)
        )
        milli_texts = table(f'.{ms:03d}Z"' for ms in range(1000))

        def render(rows: Rows) -> Column:
            seconds = rows.time_ms // 1000
            day = seconds // 86_400
            out = np.empty((len(seconds), 26), np.uint8)
            out[:, :12] = day_texts.take(day - first, axis=0)
            out[:, 12:20] = second_texts.take(seconds - day * 86_400, axis=0)
            out[:, 20:] = milli_texts.take(rows.time_ms - seconds * 1000, axis=0)
            return Column(out, embeddable=True)

        return render

    def _transaction_id(self) -> Render:
        form = Form(f'"{self._run_tag}-{0:0{ID_DIGITS - 8}d}', end='"')

        def render(rows: Rows) -> Column:
            out = form.blank(len(rows.wire))
            self._arrivals(out, rows.wire)
            return form.column(out, embeddable=True)

        return render

    def _arrivals(self, out: NDArray[np.void], numbers: I64) -> None:
        """Write twelve digits; the first four are zeros until a hundred million."""
        beyond = int(numbers.max(initial=0)) >= ID_SPACE
        out["digits"] = self._eight(numbers % ID_SPACE if beyond else numbers)
        if beyond:
            high = self._high_digits.take(numbers // ID_SPACE).astype("<u4")
            start = out.dtype.fields["digits"][1] - 4  # type: ignore[index]
            bytes_of = out.view(np.uint8).reshape(len(out), -1)
            bytes_of[:, start : start + 4] = high.view(np.uint8).reshape(-1, 4)

    def _original(self) -> Render:
        form = Form(f'"{self._run_tag}-{0:0{ID_DIGITS - 8}d}', end='"')

        def render(rows: Rows) -> Column:
            there = (rows.original != NOTHING).nonzero()[0]
            out = form.nulls(len(rows.original))
            if len(there):
                some = form.blank(len(there))
                self._arrivals(some, rows.original[there])
                form.column(out).json[there] = form.column(some).json
            return form.column(out)

        return render

    def _amount(self) -> Render:
        return amount_renderer()


def amount_renderer() -> Render:
    """Integers of one to eight digits, left-aligned in eight bytes.

    With v = 10⁴·high + low: the digits of ``high`` stand first, then the four of ``low``, shifted
    (as bytes of a little-endian word) behind them, then spaces.
    """
    spaces = 0x2020202020202020
    high_words, shifts = [0], [0]
    for high in range(1, 10_000):
        text = str(high).encode()
        filler = spaces << 8 * (len(text) + 4)
        high_words.append((int.from_bytes(text, "little") | filler) & (1 << 64) - 1)
        shifts.append(8 * len(text))
    low_words = [int.from_bytes(f"{n:04d}".encode(), "little") for n in range(10_000)]
    low_words += [int.from_bytes(str(n).encode().ljust(8), "little") for n in range(10_000)]
    highs, lows = np.array(high_words, "<u8"), np.array(low_words, "<u8")
    shift = np.array(shifts, np.uint64)

    def render(rows: Rows) -> Column:
        high = rows.amount // 10_000
        low = rows.amount - high * 10_000
        low += (high == 0) * 10_000
        word = lows.take(low, mode="clip")
        np.left_shift(word, shift.take(high, mode="clip"), word)
        np.bitwise_or(word, highs.take(high, mode="clip"), word)
        return Column(word.view(np.uint8).reshape(-1, 8))

    return render
