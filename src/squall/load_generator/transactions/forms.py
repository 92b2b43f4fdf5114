"""Tables and forms of bytes that columns are put together from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from squall.models import Column

Bytes = NDArray[np.uint8]

_TILED_ROWS = 2048  # a block of the load generator; more are made when asked for


def table(texts: Iterable[str]) -> Bytes:
    """Texts as rows of bytes, padded with spaces to the longest."""
    encoded = [t.encode() for t in texts]
    width = max(map(len, encoded))
    return np.frombuffer(b"".join(t.ljust(width) for t in encoded), np.uint8).reshape(-1, width)


class Tiled:
    """One row of bytes, many times over; copying is cheaper than filling."""

    def __init__(self, row: Bytes) -> None:
        self._row = row
        self._rows = np.tile(row, (_TILED_ROWS, 1))

    def copy(self, n: int) -> Bytes:
        """n rows, free to be written into."""
        if n > len(self._rows):
            self._rows = np.tile(self._row, (n, 1))
        return self._rows[:n].copy()


class Form:
    """A text with eight digits in it, and null padded to its length."""

    def __init__(self, start: str, end: str) -> None:
        text = f"{start}00000000{end}".encode()
        self._blank = Tiled(np.frombuffer(text, np.uint8))
        self._null = Tiled(np.frombuffer(b"null".ljust(len(text)), np.uint8))
        self._type = np.dtype(
            {
                "names": ["digits"],
                "formats": ["<u8"],
                "offsets": [len(start)],
                "itemsize": len(text),
            }
        )

    def blank(self, n: int) -> NDArray[np.void]:
        """n texts with zeros, as records whose ``digits`` can be set."""
        return self._blank.copy(n).view(self._type)[:, 0]

    def nulls(self, n: int) -> NDArray[np.void]:
        """n nulls, as the same records."""
        return self._null.copy(n).view(self._type)[:, 0]

    def missing(self, column: Column, mask: NDArray[np.bool_]) -> Column:
        """The column with null in some rows."""
        at = mask.nonzero()[0]
        column.json[at] = self._null.copy(len(at))
        return column

    @staticmethod
    def column(out: NDArray[np.void], embeddable: bool = False) -> Column:
        """The records as a column."""
        return Column(out.view(np.uint8).reshape(len(out), out.dtype.itemsize), embeddable)
