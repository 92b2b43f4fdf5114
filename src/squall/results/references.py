"""Which run a user means: an id, the start of one, ``latest`` or ``latest~N``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from squall.errors import StoreError
from squall.results.figures import plural

_LATEST = re.compile(r"latest(?:~(\d+))?")


def pick(reference: str, ids: Sequence[str], finished: Sequence[str], store: str) -> str:
    """The one of ``ids`` (newest first) that ``reference`` means.

    ``latest`` counts only the ``finished`` ones, which have a result (newest first, too).

    Raises ``StoreError`` when none or more than one is meant, naming what comes closest.
    """
    if not ids:
        raise StoreError(f"there are no runs in {store} yet; start one with `squall run`")
    latest = _LATEST.fullmatch(reference)
    if latest:
        back = int(latest[1] or 0)
        if back >= len(finished):
            raise StoreError(
                f"{reference} asks for run {back + 1} from the end, but {store} "
                f"has {plural(len(finished), 'finished run')}"
            )
        return finished[back]
    if reference in ids:
        return reference
    matches = [run_id for run_id in ids if reference and run_id.startswith(reference)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        shown = ", ".join(matches[:5]) + (" …" if len(matches) > 5 else "")
        raise StoreError(f"{reference} is the start of {len(matches)} runs: {shown}; write more")
    near = get_close_matches(reference, [*ids, "latest"], n=2, cutoff=0.5)
    near = near or [run_id for run_id in ids if reference and reference in run_id][:2]
    hint = f"did you mean {' or '.join(near)}?" if near else "`squall runs list` shows them all"
    raise StoreError(f"there is no run {reference} in {store}; {hint}")
