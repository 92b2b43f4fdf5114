"""Latency histograms in HdrHistogram's own V2 encoding (compressed, base64), and back.

The bucket layout of ``LatencyHistogram`` is HdrHistogram's for 1 µs … 1 h at three significant
digits, so counts are copied slot by slot and nothing is lost either way.
Source of the encoding: https://github.com/HdrHistogram/HdrHistogram (V2, zig-zag LEB128 counts).
"""

from __future__ import annotations

import numpy as np
from hdrh.histogram import HdrHistogram

from squall.errors import DataFileError
from squall.models import HistogramLogs, LatencyHistogram, SparseCounts
from squall.models.histogram import HIGHEST_US, SLOTS

SIGNIFICANT_DIGITS = 3


def histogram_logs(
    response: LatencyHistogram,
    service: LatencyHistogram,
    lateness: LatencyHistogram,
    decision: LatencyHistogram | None = None,
) -> HistogramLogs:
    """The histograms of a run, encoded; ``decision`` where decisions come by a way of their own."""
    decided = "" if decision is None or not decision.total else encode(decision)
    return HistogramLogs(encode(response), encode(service), encode(lateness), decided)


def encode(histogram: LatencyHistogram) -> str:
    """One histogram as base64 text."""
    target = HdrHistogram(1, HIGHEST_US, SIGNIFICANT_DIGITS)
    used = np.flatnonzero(histogram.counts)
    for slot in used.tolist():
        target.counts[slot] = int(histogram.counts[slot])
    if len(used):
        target.set_internal_tacking_values(int(used[0]), int(used[-1]), histogram.total)
    text: str = target.encode().decode("ascii")
    return text


def decode(text: str) -> LatencyHistogram:
    """The histogram in ``text``.

    Raises ``DataFileError`` when it is damaged or was not recorded with this layout.
    """
    try:
        source = HdrHistogram.decode(text.encode("ascii"))
    except Exception as error:  # hdrh raises ValueError, zlib.error, IndexError and its own
        raise DataFileError(f"a latency histogram cannot be decoded: {error}") from error
    if source.counts_len != SLOTS or source.significant_figures != SIGNIFICANT_DIGITS:
        raise DataFileError(
            "a latency histogram has another range or precision than 1 µs to 1 h with three "
            "significant digits; it was not written by squall"
        )
    counts = np.frombuffer(source.counts, dtype=np.uint64).astype(np.int64)
    slots = np.flatnonzero(counts)
    return LatencyHistogram.of(SparseCounts(slots.astype(np.int32), counts[slots]))
