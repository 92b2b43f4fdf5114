"""Lines of styled text of exact width, boxed and set side by side.

The live view is drawn several times a second beside the load it watches, on the same cores. Laid
out by hand like this it costs a tenth of what nested tables do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment

Span = tuple[str, str]
"""Text and the name of its style."""
Line = Sequence[Span]

BORDER = "grey37"
DIM = "grey62"


def length(line: Line) -> int:
    """Cells that a line takes."""
    return sum(cell_len(text) for text, _ in line)


def fit(line: Line, width: int) -> list[Span]:
    """The line at exactly this width: padded with spaces, or cut with an ellipsis."""
    left = width - length(line)
    if left >= 0:
        return [*line, (" " * left, "")]
    fitted: list[Span] = []
    room = max(0, width - 1)
    for text, style in line:
        size = cell_len(text)
        if size > room:
            fitted.append((set_cell_size(text, room) + "…" * (width > 0), style))
            return fitted
        fitted.append((text, style))
        room -= size
    return fitted


def apart(left: Line, right: Line, width: int) -> list[Span]:
    """One line with ``left`` at its start and ``right`` at its end; ``left`` is cut if need be."""
    room = width - length(right)
    if room < 2:
        return fit(right, width)
    return [*fit(fit(left, room - 1), room), *right]


def box(title: str, lines: Sequence[Line], width: int, height: int | None = None) -> list[Line]:
    """The lines in a box with a title; ``height`` counts the borders."""
    inner = width - 4
    shown = list(lines) if height is None else list(lines)[: height - 2]
    missing = 0 if height is None else height - 2 - len(shown)
    heading = set_cell_size(title, min(cell_len(title), max(0, width - 6)))
    rule = "─" * max(0, width - 5 - cell_len(heading))
    edge: Span = ("│", BORDER)
    return [
        [("╭─ ", BORDER), (heading, "bold"), (f" {rule}╮", BORDER)],
        *([edge, (" ", ""), *fit(line, inner), (" ", ""), edge] for line in shown),
        *([edge, (" " * (inner + 2), ""), edge] for _ in range(missing)),
        [("╰" + "─" * (width - 2) + "╯", BORDER)],
    ]


def beside(*blocks: Sequence[Line]) -> list[Line]:
    """Blocks of equal height in one row."""
    return [[span for line in row for span in line] for row in zip(*blocks, strict=True)]


def segments(lines: Iterable[Line], console: Console) -> Iterable[Segment]:
    """What the console prints for these lines."""
    for line in lines:
        for text, style in line:
            yield Segment(text, console.get_style(style) if style else None)
        yield Segment.line()


def plain(lines: Iterable[Line]) -> str:
    """The lines without their styles."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)
