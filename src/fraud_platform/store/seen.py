"""Which ids have been decided, in little memory.

Ids of the usual form (run tag, dash, digits) are bits in one compressed bitmap per run; any others
are kept whole, up to a bound beyond which the store has to be asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyroaring import BitMap64

OTHERS_LIMIT = 500_000
_RUNS_LIMIT = 10_000
_DIGITS = 12


class SeenIds:
    """A set of ids that never forgets and never misses; ``maybe`` may be wrong only with True."""

    def __init__(self) -> None:
        self._runs: dict[str, BitMap64] = {}
        self._others: set[str] = set()
        self._others_full = False

    def maybe(self, transaction_id: str) -> bool:
        """False: certainly not decided. True: decided, or (with very many odd ids) unknown."""
        run, _, digits = transaction_id.partition("-")
        if len(digits) == _DIGITS and digits.isascii() and digits.isdecimal():
            bits = self._runs.get(run)
            if bits is not None:
                return int(digits) in bits
            if len(self._runs) < _RUNS_LIMIT:
                return False
        return self._others_full or transaction_id in self._others

    def add(self, transaction_ids: Iterable[str]) -> None:
        """These have been decided."""
        for transaction_id in transaction_ids:
            run, _, digits = transaction_id.partition("-")
            if len(digits) == _DIGITS and digits.isascii() and digits.isdecimal():
                bits = self._runs.get(run)
                if bits is None and len(self._runs) < _RUNS_LIMIT:
                    bits = self._runs[run] = BitMap64()
                if bits is not None:
                    bits.add(int(digits))
                    continue
            if len(self._others) < OTHERS_LIMIT:
                self._others.add(transaction_id)
            else:
                self._others_full = True
