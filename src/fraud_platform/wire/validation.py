"""Is this JSON document a transaction that can be decided?

A plain valid transaction takes the fast path: one look-up of all fields, one comparison of their
types, a handful of range checks. Anything else is gone through field by field, so that the answer
names every problem. ``docs/transactions.md`` is the contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from fraud_platform.wire.timestamps import event_seconds
from fraud_platform.wire.transaction import (
    AMOUNT_LIMIT,
    AUTHENTICATIONS,
    CHANNELS,
    CHECKS,
    REFUND,
    TYPES,
    Transaction,
)

OLDEST_S = 400 * 86_400
"""A transaction over 400 days old is refused."""
AHEAD_S = 300
"""A transaction more than five minutes ahead of the clock is refused."""
ID_LENGTH = 128
"""Most characters in an id."""
TEXT_LENGTH = 512
"""Most characters in any other string."""
_UNKNOWN_AGE = -1
_AGE_LIMIT = 100_000


class Problem(NamedTuple):
    """One thing wrong with one field."""

    code: str
    message: str
    field: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a document is not decided: an HTTP status and at least one problem."""

    status: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Field:
    """What one field may be. ``words`` is a closed set, ``longest`` counts characters."""

    name: str
    kinds: frozenset[type]
    expected: str
    longest: int = 0
    words: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


def _text(name: str, longest: int = ID_LENGTH, *, nullable: bool = False) -> _Field:
    if nullable:
        return _Field(name, frozenset({str, type(None)}), "a string or null", longest)
    return _Field(name, frozenset({str}), "a string", longest)


def _word(name: str, words: dict[str, int]) -> _Field:
    return _Field(name, frozenset({str}), "a string", words=tuple(words))


def _number(name: str, limit: float) -> _Field:
    return _Field(name, frozenset({int, float}), "a number", low=-limit, high=limit)


def _age(name: str) -> _Field:
    return _Field(
        name, frozenset({int, type(None)}), "a whole number or null", low=0, high=_AGE_LIMIT
    )


_FIELDS = (
    _text("transaction_id"),
    _word("type", TYPES),
    _Field("amount", frozenset({int}), "a whole number of minor units"),
    _text("currency", 3),
    _text("user_id"),
    _text("card_id"),
    _text("device_id", nullable=True),
    _text("merchant_id", nullable=True),
    _text("payee_id", nullable=True),
    _text("merchant_category", 4, nullable=True),
    _word("channel", CHANNELS),
    _text("country", 2),
    _text("city", TEXT_LENGTH),
    _number("latitude", 90.0),
    _number("longitude", 180.0),
    _text("billing_country", 2),
    _text("ip", 45, nullable=True),
    _text("timestamp", 40),
    _age("account_age_days"),
    _age("card_age_days"),
    _age("device_age_days"),
    _word("cvv", CHECKS),
    _word("avs", CHECKS),
    _word("authentication", AUTHENTICATIONS),
    _text("original_transaction_id", nullable=True),
)
FIELD_NAMES = tuple(field.name for field in _FIELDS)
"""Every field of a transaction, in the order of the contract."""

_REQUIRED_TEXT = frozenset(
    {"transaction_id", "user_id", "card_id", "country", "billing_country", "currency"}
)
_JSON_KIND = {
    str: "a string",
    int: "a whole number",
    float: "a fraction",
    bool: "true or false",
    type(None): "null",
    list: "an array",
    dict: "an object",
}


class Validator:
    """Turns documents into transactions or refusals.

    ``currencies`` are the accepted ISO 4217 codes. Holds no state that changes an answer; the
    shapes it has met only spare later documents of the same shape the long way.
    """

    def __init__(self, currencies: frozenset[str]) -> None:
        self._currencies = currencies
        self._get = itemgetter(*FIELD_NAMES)
        self._good_shapes: set[tuple[type, ...]] = set()

    def read(
        self, document: Any, digest: bytes, now_s: float, escaped: bool
    ) -> Transaction | Refusal:
        """A transaction, or the refusal that names all its problems.

        ``now_s`` is the wall clock in seconds since 1970. ``escaped`` says that the JSON text had
        a backslash: only then can a string hold a control character.
        """
        if type(document) is dict and not escaped:
            try:
                values = self._get(document)
            except KeyError:
                pass
            else:
                if tuple(map(type, values)) in self._good_shapes:
                    transaction = self._fast(values, digest, now_s)
                    if transaction is not None:
                        return transaction
        return self._slow(document, digest, now_s)

    def _fast(self, values: tuple[Any, ...], digest: bytes, now_s: float) -> Transaction | None:
        """The transaction if nothing at all is wrong with values of a known good shape."""
        (
            transaction_id, kind, amount, currency, user, card, device, merchant, payee,
            category, channel, country, city, latitude, longitude, billing, ip, timestamp,
            account_age, card_age, device_age, cvv, avs, authentication, original,
        ) = values  # fmt: skip
        try:
            event_s = event_seconds(timestamp)
            kind_number = TYPES[kind]
            transaction = Transaction(
                transaction_id, digest, kind_number, amount, currency, user, card, device,
                merchant, payee, category, CHANNELS[channel], country, float(latitude),
                float(longitude), billing, ip, event_s,
                _UNKNOWN_AGE if account_age is None else account_age,
                _UNKNOWN_AGE if card_age is None else card_age,
                _UNKNOWN_AGE if device_age is None else device_age,
                CHECKS[cvv], CHECKS[avs], AUTHENTICATIONS[authentication], original,
            )  # fmt: skip
        except (KeyError, ValueError, OverflowError):
            return None
        if (
            0 < amount <= AMOUNT_LIMIT
            and currency in self._currencies
            and -AHEAD_S <= now_s - event_s <= OLDEST_S
            and 0 < len(transaction_id) <= ID_LENGTH
            and 0 < len(user) <= ID_LENGTH
            and 0 < len(card) <= ID_LENGTH
            and len(country) == 2
            and len(billing) == 2
            and -90 <= latitude <= 90
            and -180 <= longitude <= 180
            and len(city) <= TEXT_LENGTH
            and (device is None or len(device) <= ID_LENGTH)
            and (merchant is None or len(merchant) <= ID_LENGTH)
            and (payee is None or len(payee) <= ID_LENGTH)
            and (category is None or len(category) <= 4)
            and (ip is None or len(ip) <= 45)
            and (account_age is None or 0 <= account_age <= _AGE_LIMIT)
            and (card_age is None or 0 <= card_age <= _AGE_LIMIT)
            and (device_age is None or 0 <= device_age <= _AGE_LIMIT)
            and (original is None or 0 < len(original) <= ID_LENGTH)
            and (kind_number != REFUND or original is not None)
        ):
            return transaction
        return None

    def _slow(self, document: Any, digest: bytes, now_s: float) -> Transaction | Refusal:
        if type(document) is not dict:
            problem = Problem("not_an_object", "a transaction is one JSON object", "")
            return Refusal(422, (problem,))
        problems: list[Problem] = []
        for field in _FIELDS:
            problems += _field_problems(field, document)
        flawed = {problem.field for problem in problems}
        for check in (self._amount, self._currency, self._timestamp, _refund):
            problems += check(document, flawed, now_s)
        if problems:
            return Refusal(422, tuple(problems))
        values = self._get(document)
        self._good_shapes.add(tuple(map(type, values)))
        transaction = self._fast(values, digest, now_s)
        assert transaction is not None, "the fast path refuses what the full checks accept"
        return transaction

    def _amount(self, document: dict[str, Any], _: set[str], __: float) -> list[Problem]:
        amount = document.get("amount", 1)
        if type(amount) is float and (amount != int(amount) or abs(amount) <= AMOUNT_LIMIT):
            return [
                Problem(
                    "amount_not_integer",
                    f"amount is {amount:g}; it must be a whole number of minor units",
                    "amount",
                )
            ]
        if type(amount) not in (int, float):
            return []  # reported as a wrong type
        if amount < 1:
            code = "amount_not_positive"
        elif amount > AMOUNT_LIMIT:
            code = "amount_above_limit"
        else:
            return []
        message = f"amount is {amount:.0f}; it must be 1 to {AMOUNT_LIMIT} minor units"
        return [Problem(code, message, "amount")]

    def _currency(self, document: dict[str, Any], flawed: set[str], _: float) -> list[Problem]:
        currency = document.get("currency")
        if "currency" in flawed or currency in self._currencies:
            return []
        message = f"currency {currency} is not a current ISO 4217 code"
        return [Problem("currency_unknown", message, "currency")]

    def _timestamp(self, document: dict[str, Any], flawed: set[str], now_s: float) -> list[Problem]:
        if "timestamp" in flawed:
            return []
        text = document["timestamp"]
        try:
            age_s = now_s - event_seconds(text)
        except (ValueError, OverflowError):
            message = f"{text} is not an RFC 3339 instant of the calendar with an offset"
            return [Problem("timestamp_invalid", message, "timestamp")]
        if age_s < -AHEAD_S:
            message = f"{text} is more than {AHEAD_S} s ahead of the clock"
            return [Problem("timestamp_in_future", message, "timestamp")]
        if age_s > OLDEST_S:
            message = f"{text} is more than {OLDEST_S // 86_400} days old"
            return [Problem("timestamp_too_old", message, "timestamp")]
        return []


def _refund(document: dict[str, Any], flawed: set[str], _: float) -> list[Problem]:
    name = "original_transaction_id"
    if name not in flawed and document.get("type") == "refund" and document.get(name) is None:
        return [Problem("field_missing", "a refund names the purchase it returns", name)]
    return []


def _field_problems(field: _Field, document: dict[str, Any]) -> list[Problem]:
    """What is wrong with one field's presence, type, characters, length, word or range."""
    name = field.name
    if name not in document:
        return [Problem("field_missing", f"{name} is missing; it must be {field.expected}", name)]
    value = document[name]
    if type(value) not in field.kinds:
        if name == "amount" and type(value) is float:
            return []  # has codes of its own
        given = _JSON_KIND[type(value)]
        return [Problem("field_type", f"{name} is {given}; it must be {field.expected}", name)]
    if type(value) is str:
        return _text_problems(field, value)
    if field.low is not None and value is not None:
        assert field.high is not None
        if not field.low <= value <= field.high:
            message = f"{name} is {value}; it must be {field.low:g} to {field.high:g}"
            return [Problem("field_out_of_range", message, name)]
    return []


def _text_problems(field: _Field, value: str) -> list[Problem]:
    name = field.name
    if any(character < " " for character in value):
        message = f"{name} holds a control character; remove it"
        return [Problem("control_character", message, name)]
    if field.words:
        if value not in field.words:
            message = f"{name} is not one of {', '.join(field.words)}"
            return [Problem("field_value", message, name)]
        return []
    if not value and (name in _REQUIRED_TEXT or name == "original_transaction_id"):
        return [Problem("field_value", f"{name} is empty", name)]
    if len(value) > field.longest:
        message = f"{name} has {len(value)} characters; at most {field.longest} are allowed"
        return [Problem("field_too_long", message, name)]
    if name in ("country", "billing_country") and len(value) != 2:
        return [Problem("field_value", f"{name} is not a two-letter ISO 3166 code", name)]
    return []
