"""The scripts of fraud as arrays: a batch reads all it needs of its acts with two look-ups."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from squall.load_generator.transactions.hashing import F64, I64
from squall.load_generator.transactions.rows import NOTHING
from squall.load_generator.transactions.scripts import SCRIPTS, Act
from squall.load_generator.transactions.trade import CATEGORIES, IN_PERSON, ONLINE

VARIANTS = 12
"""Slots for variants per script: a multiple of 1, 2, 3 and 4."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What some rows are to do; see ``Act``. Arrays have shape (n,), kinds and endings (4, n).

    Probabilities are in parts of 65536.
    """

    who: I64
    where: I64
    shop: I64
    category: I64
    payee: I64
    device: I64
    address: I64
    device_age: I64
    age_low: I64
    age_high: I64
    cvv: I64
    avs: I64
    secure: I64
    foreign: I64
    own_amount: I64
    kinds: I64
    endings: I64
    log_median: F64
    sigma: F64
    growth: F64


_INTEGER_PARTS = tuple(f.name for f in fields(Parts))[:15]
_KINDS, _ENDINGS = 15, 19


class Acts:
    """All acts; act number = (script * VARIANTS + variant) * 2 + closing."""

    def __init__(self) -> None:
        variants = [s.variants[k % len(s.variants)] for s in SCRIPTS for k in range(VARIANTS)]
        acts = [act for v in variants for act in (v.opening, v.closing)]
        self.typology = np.array([s.typology for s in SCRIPTS], np.int64)
        self.turn = np.array([v.turn for v in variants])
        self.refund = np.array([a.refund for a in acts], np.bool_)
        self._integers = np.array([_integers(a) for a in acts], np.int64)
        self._reals = np.array(
            [(np.log(a.median_usd or 1.0), a.sigma, a.growth) for a in acts], np.float64
        )

    def parts(self, act: I64) -> Parts:
        """The parts of some act numbers, shape (n,)."""
        integers: NDArray[np.int64] = self._integers.take(act, axis=0).T
        reals: NDArray[np.float64] = self._reals.take(act, axis=0).T
        plain = dict(zip(_INTEGER_PARTS, integers[:_KINDS], strict=True))
        return Parts(
            **plain,
            kinds=integers[_KINDS:_ENDINGS],
            endings=integers[_ENDINGS:],
            log_median=reals[0],
            sigma=reals[1],
            growth=reals[2],
        )


def _integers(act: Act) -> list[int]:
    def chance(p: float) -> int:
        return int(p * 65536)

    return [
        act.who, act.where, act.shop, _category_number(act.code), act.payee, act.device,
        act.address, act.device_age_days, *act.account_age_days, chance(act.cvv_mismatch),
        chance(act.avs_mismatch), chance(act.three_ds), chance(act.foreign_address),
        int(act.median_usd == 0.0), *act.kinds, *act.endings,
    ]  # fmt: skip


def _category_number(code: str) -> int:
    codes = [c.code for c in CATEGORIES]
    return codes.index(code, len(IN_PERSON), len(IN_PERSON) + len(ONLINE)) if code else NOTHING
