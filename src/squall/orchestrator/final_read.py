"""After the drain: what the target itself says it decided, held against the ledger."""

from __future__ import annotations

import asyncio

from squall.errors import SquallError
from squall.load_generator import Ledger, Reconciliation, without_final_read
from squall.metrics import DatedDecisions
from squall.models import NO_RECORDS_NAMED, Accounting, Counts, SourceSpec
from squall.orchestrator.ports import Progress
from squall.targets import DecisionReader
from squall.targets.dated_page import DatedPage

TIMEOUT_S_MIN = 60.0
RECORDS_PER_S_MIN = 5_000
"""A target that hands out its records more slowly than this is not waited for."""
_TOLD_EVERY = 100_000


async def final_read(
    reader: DecisionReader | None,
    ledger: Ledger,
    counts: Counts,
    run_tag: str,
    source: SourceSpec,
    progress: Progress,
    *,
    deferred_fields: frozenset[str] | None = None,
    remedy: str = "",
    dated: DatedDecisions | None = None,
) -> Accounting:
    """The complete account, or the generator's own side with a note where the read failed.

    A read that fails part of the way says nothing: what was not read might be there.
    ``deferred_fields``: as ``Reconciliation`` takes them. ``remedy`` says what to add to a target
    without records to read. ``dated`` is given the times of the records where they have any.
    """
    if reader is None:
        note = f"{NO_RECORDS_NAMED}; {remedy}" if remedy else NO_RECORDS_NAMED
        return without_final_read(ledger, counts, run_tag, note)
    if dated is not None:
        dated.begin()
    reconciliation = Reconciliation(ledger, run_tag, source, deferred_fields=deferred_fields)
    timeout_s = TIMEOUT_S_MIN + counts.planned / RECORDS_PER_S_MIN
    told = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for page in reader.pages():
                reconciliation.add(page)
                if dated is not None and isinstance(page, DatedPage):
                    dated.add(page)
                if reconciliation.records - told >= _TOLD_EVERY:
                    told = reconciliation.records
                    progress(f"reading the target's records: {told:,}")
                await asyncio.sleep(0)  # pages that are already here must not starve the rest
    except TimeoutError:
        note = (
            f"no final read: the target had handed out only {reconciliation.records:,} records "
            f"after {timeout_s:.0f} s"
        )
        return without_final_read(ledger, counts, run_tag, note)
    except SquallError as error:
        return without_final_read(ledger, counts, run_tag, f"no final read: {error}")
    return reconciliation.close(counts)
