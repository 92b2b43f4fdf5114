"""The thirteen fraud typologies as scripts: what a campaign does, act by act.

A script has variants (one is drawn per campaign, so that no single sign gives a typology away) and
a variant has an opening and a closing act. ``docs/fraud.md`` describes the signatures in words.
Amounts are medians in US dollars; probabilities are per payment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from squall.load_generator.transactions.trade import Kind, Rounding
from squall.models import Typology


class Tempo(IntEnum):
    """How fast the steps of a campaign follow each other in event time."""

    FAST = 0
    MEDIUM = 1
    SLOW = 2


class Who(IntEnum):
    """Whose account pays."""

    ANYONE = 0
    """The customer whose arrival this would have been."""
    VICTIM = 1
    """One customer for the whole campaign."""
    CROWD = 2
    """Another customer at every step."""
    CIRCLE = 3
    """Six customers in turns."""
    INVENTED = 4
    """One made-up person."""
    RING = 5
    """Five made-up people in turns."""


class Where(IntEnum):
    """In which city."""

    HOME = 0
    FAR = 1
    """A city of another country, the same for the whole campaign."""


class Shop(IntEnum):
    """Which merchants."""

    ANY = 0
    ONE = 1
    FEW = 2
    OWN = 3
    """A merchant that the fraudsters made up."""
    AS_IS = 4


class Payee(IntEnum):
    """Who receives transfers."""

    ONE = 0
    """An account opened for the purpose."""
    MANY = 1
    FEW = 2
    HUB = 3
    """The campaign's made-up person."""


class Tool(IntEnum):
    """Which device or address."""

    OWN = 0
    """The customer's."""
    RING = 1
    """The fraudsters' one."""
    SOME = 2
    """One of a few; for addresses: any of one range of 156."""


_ONLINE = (Kind.ONLINE,) * 4
_CARD = (Kind.CONTACTLESS, Kind.CONTACTLESS, Kind.CHIP, Kind.CHIP)
_TAP = (Kind.CONTACTLESS,) * 4
_TRANSFER = (Kind.TRANSFER,) * 4
_PRICES = (Rounding.EXACT, Rounding.POINT_99, Rounding.WHOLE, Rounding.EXACT)
_EVEN = (Rounding.TEN, Rounding.TWENTY, Rounding.FIFTY, Rounding.FIFTY)
_ROUND = (Rounding.FIFTY, Rounding.HUNDRED, Rounding.HUNDRED, Rounding.TEN)


@dataclass(frozen=True, slots=True)
class Act:
    """One part of a campaign. ``median_usd`` 0 keeps the arrival's own amount."""

    who: Who
    median_usd: float
    sigma: float = 0.6
    growth: float = 0.0
    """Natural-log growth of amounts from the first step of the campaign to the last."""
    where: Where = Where.HOME
    kinds: tuple[Kind, Kind, Kind, Kind] = _ONLINE
    shop: Shop = Shop.ANY
    code: str = ""
    """Online merchant category code, where it matters."""
    payee: Payee = Payee.ONE
    endings: tuple[Rounding, Rounding, Rounding, Rounding] = _PRICES
    device: Tool = Tool.RING
    address: Tool = Tool.RING
    device_age_days: int = 3
    """Highest; lower ones are as likely."""
    account_age_days: tuple[int, int] = (0, 0)
    """Of made-up people."""
    cvv_mismatch: float = 0.02
    avs_mismatch: float = 0.10
    three_ds: float = 0.30
    foreign_address: float = 0.5
    """Share of campaigns that use a hosting provider's address, not one of the victim's country."""
    refund: bool = False


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to run a campaign: the closing act starts after ``turn`` of the steps."""

    opening: Act
    closing: Act
    turn: float = 1.0


@dataclass(frozen=True, slots=True)
class Script:
    """One typology: its weight (share of fraudulent payments), tempo, length in steps, variants."""

    typology: Typology
    weight: float
    tempo: Tempo
    steps: tuple[int, int]
    variants: tuple[Variant, ...]


def _same(act: Act) -> Variant:
    return Variant(act, act)


_probe = Act(Who.CROWD, 1.6, 0.7, shop=Shop.ONE, code="8398", cvv_mismatch=0.30, avs_mismatch=0.35,
             three_ds=0.02, endings=_PRICES)  # fmt: skip
_takeover = Act(Who.VICTIM, 60.0, 0.7, 1.6, three_ds=0.25, avs_mismatch=0.35, device_age_days=2)
_clone = Act(Who.VICTIM, 180.0, 0.7, where=Where.FAR, kinds=_CARD)
_burst = Act(Who.VICTIM, 70.0, 0.7, cvv_mismatch=0.08, avs_mismatch=0.25, three_ds=0.03)
_bust = Act(Who.INVENTED, 90.0, 0.5, account_age_days=(150, 500), device_age_days=300,
            avs_mismatch=0.03, cvv_mismatch=0.0, foreign_address=0.1)  # fmt: skip
_synthetic = Act(Who.RING, 90.0, 0.6, 1.2, account_age_days=(4, 80), device_age_days=60,
                 avs_mismatch=0.15, cvv_mismatch=0.0, foreign_address=0.1)  # fmt: skip
_collusion = Act(Who.CIRCLE, 160.0, 0.6, shop=Shop.OWN, endings=_ROUND, device=Tool.OWN,
                 address=Tool.OWN, avs_mismatch=0.04)  # fmt: skip
_structuring = Act(Who.VICTIM, 9_350.0, 0.025, kinds=_TRANSFER, payee=Payee.FEW, device=Tool.OWN,
                   address=Tool.OWN, endings=_ROUND)  # fmt: skip
_fan_in = Act(Who.CROWD, 520.0, 0.7, kinds=_TRANSFER, payee=Payee.HUB, device=Tool.OWN,
              address=Tool.OWN, endings=_ROUND)  # fmt: skip
_fan_out = Act(Who.INVENTED, 620.0, 0.6, kinds=_TRANSFER, payee=Payee.MANY, endings=_ROUND,
               account_age_days=(10, 150), device_age_days=30, foreign_address=0.2)  # fmt: skip
_refund = Act(Who.ANYONE, 0.0, shop=Shop.AS_IS, refund=True, device=Tool.RING, address=Tool.RING,
              three_ds=0.0)  # fmt: skip
_gift = Act(Who.VICTIM, 90.0, 0.5, 0.6, shop=Shop.FEW, code="5947", endings=_EVEN, three_ds=0.10)
_scam = Act(Who.VICTIM, 350.0, 0.5, 2.4, kinds=_TRANSFER, payee=Payee.ONE, device=Tool.OWN,
            address=Tool.OWN, endings=_ROUND)  # fmt: skip
_friendly = Act(Who.ANYONE, 70.0, 0.8, device=Tool.OWN, address=Tool.OWN, avs_mismatch=0.05)

SCRIPTS: tuple[Script, ...] = (
    Script(Typology.CARD_TESTING, 12.0, Tempo.FAST, (14, 40), (
        _same(_probe),
        Variant(replace(_probe, address=Tool.SOME, device=Tool.SOME),
                replace(_probe, median_usd=140.0), 0.8),
        _same(replace(_probe, code="5816", shop=Shop.FEW, median_usd=3.0, device=Tool.SOME)),
    )),
    Script(Typology.ACCOUNT_TAKEOVER, 14.0, Tempo.MEDIUM, (5, 12), (
        _same(_takeover),
        _same(replace(_takeover, foreign_address=0.0, device_age_days=30)),
        Variant(replace(_takeover, median_usd=30.0),
                replace(_takeover, kinds=_TRANSFER, median_usd=700.0, growth=0.3, endings=_ROUND),
                0.4),
        _same(replace(_takeover, where=Where.FAR)),
    )),
    Script(Typology.IMPOSSIBLE_TRAVEL, 7.0, Tempo.MEDIUM, (3, 7), (
        _same(_clone),
        Variant(_clone, replace(_clone, kinds=(Kind.CASH,) * 4, median_usd=260.0), 0.5),
    )),
    Script(Typology.VELOCITY_BURST, 12.0, Tempo.FAST, (10, 28), (
        _same(_burst),
        _same(replace(_burst, kinds=_TAP, median_usd=95.0, sigma=0.5, shop=Shop.FEW)),
        _same(replace(_burst, device=Tool.SOME, address=Tool.SOME)),
        _same(replace(_burst, device_age_days=20, foreign_address=0.2)),
    )),
    Script(Typology.BUST_OUT, 8.0, Tempo.SLOW, (12, 24), (
        Variant(_bust, replace(_bust, median_usd=700.0, sigma=0.6), 0.25),
        Variant(replace(_bust, kinds=_CARD), replace(_bust, median_usd=520.0, kinds=_CARD), 0.25),
    )),
    Script(Typology.SYNTHETIC_IDENTITY, 9.0, Tempo.SLOW, (16, 40), (
        _same(_synthetic),
        _same(replace(_synthetic, device=Tool.SOME, address=Tool.SOME)),
    )),
    Script(Typology.MERCHANT_COLLUSION, 8.0, Tempo.SLOW, (18, 40), (
        _same(_collusion),
        _same(replace(_collusion, kinds=_CARD)),
    )),
    Script(Typology.STRUCTURING, 6.0, Tempo.SLOW, (6, 16), (
        _same(_structuring),
        _same(replace(_structuring, median_usd=4_750.0)),
    )),
    Script(Typology.MULE_NETWORK, 8.0, Tempo.MEDIUM, (12, 30), (
        Variant(_fan_in, _fan_out, 0.5),
        Variant(_fan_in, replace(_fan_out, payee=Payee.FEW), 0.65),
    )),
    Script(Typology.REFUND_ABUSE, 5.0, Tempo.MEDIUM, (10, 26), (
        _same(_refund),
        _same(replace(_refund, device=Tool.SOME, address=Tool.SOME)),
    )),
    Script(Typology.GIFT_CARDS, 7.0, Tempo.FAST, (5, 14), (
        _same(_gift),
        _same(replace(_gift, device_age_days=120, foreign_address=0.1)),
        _same(replace(_gift, device=Tool.OWN, address=Tool.OWN, median_usd=180.0)),
    )),
    Script(Typology.PUSH_PAYMENT_SCAM, 2.0, Tempo.MEDIUM, (3, 6), (_same(_scam),)),
    Script(Typology.FRIENDLY_FRAUD, 0.6, Tempo.SLOW, (1, 2), (_same(_friendly),)),
)  # fmt: skip
"""Every typology once, in the order of ``Typology``."""
