"""Load shedding: take in only what can be decided."""

from __future__ import annotations

WAIT_LIMIT_S = 10.0
"""A transaction that would wait longer than this is not taken in."""
_ALWAYS = 512
"""``always`` where answers come one by one."""
_WINDOW_S = 0.25
_RECENT_S = 2.0
_MEMORY = 0.3


class Admission:
    """Counts what is on its way and measures the pace of answers. Times are of one clock.

    The pace is measured only while there is always something to do: an idle platform answers
    slowly because it is asked slowly. ``always``: so many are taken in whatever the pace. Where
    answers come by the hundred, it is to be more than come at once: the pace of less is noise.
    """

    def __init__(
        self, depth_limit: int, wait_limit_s: float = WAIT_LIMIT_S, always: int = _ALWAYS
    ) -> None:
        self.depth_limit = depth_limit
        self.depth = 0
        self.depth_max = 0
        """Most that were on their way at once."""
        self.shed = 0
        self._recent_max = self._recent_before = 0
        self._recent_from = 0.0
        self._wait_limit_s = wait_limit_s
        self._always = always
        self._pace_tps = 0.0
        self._answered = 0
        self._busy_from: float | None = None
        self._last_answer = 0.0

    def admit(self, now_s: float) -> bool:
        """Whether one more is taken in; if so, it is counted."""
        if self.depth >= self.depth_limit or self.wait_s(now_s) > self._wait_limit_s:
            self.shed += 1
            return False
        if not self.depth:
            self._last_answer = now_s
        self.depth += 1
        if self.depth > self._recent_max:
            self._recent_max = self.depth
            self.depth_max = max(self.depth_max, self.depth)
        return True

    def answered(self, count: int, now_s: float) -> None:
        """So many have been answered."""
        self.depth -= count
        self._last_answer = now_s
        if self.depth < self._always:
            self._busy_from = None
            return
        if self._busy_from is None:
            self._busy_from, self._answered = now_s, 0
            return
        self._answered += count
        elapsed = now_s - self._busy_from
        if elapsed >= _WINDOW_S:
            pace = self._answered / elapsed
            self._pace_tps += (_MEMORY if self._pace_tps else 1.0) * (pace - self._pace_tps)
            self._busy_from, self._answered = now_s, 0

    def recent_max(self, now_s: float) -> int:
        """Most on their way at once in the last two to four seconds."""
        if now_s - self._recent_from >= _RECENT_S:
            self._recent_before, self._recent_max = self._recent_max, self.depth
            self._recent_from = now_s
        return max(self._recent_before, self._recent_max)

    def wait_s(self, now_s: float) -> float:
        """Estimated wait of one more: depth over pace, or the silence so far if that is longer."""
        if self.depth < self._always:
            return 0.0
        silence = now_s - self._last_answer
        return max(silence, self.depth / self._pace_tps if self._pace_tps else silence)
